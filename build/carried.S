// The program, in a section of libdocker.so that nothing loads into memory; aligned so that a file system can share it.
.section .docker_plugin, "", %progbits
.balign 4096
.incbin CARRIED
.section .note.GNU-stack, "", %progbits
