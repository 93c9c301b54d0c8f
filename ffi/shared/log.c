// Formats and cleans lines for Falco's log.
#include "shared/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "constants.h"

// How many bytes a character has that begins with this one; 0 where none does.
static size_t character_bytes(unsigned char first) {
    if (first < 0x80) return 1;
    return first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 0;
}

void log_clean(char *text) {
    unsigned char *c = (unsigned char *)text;
    for (; *c != 0; c++) {
        // C1 controls are two bytes in UTF-8; terminals obey them as they do an ESC.
        if (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0) c[1] = *c = ' ';
        if (*c < ' ' || *c == 0x7f) *c = ' ';
    }
    // The beginning of the last character is among the last four bytes.
    for (size_t back = 1; back <= 4 && c - back >= (unsigned char *)text; back++) {
        const size_t bytes = character_bytes(c[-(ptrdiff_t)back]);
        if (bytes == 0) continue;
        if (bytes > back) c[-(ptrdiff_t)back] = 0;
        return;
    }
}

void log_line(const struct logger *logger, enum falco_severity severity, const char *format, ...) {
    if (logger->write == NULL) return;
    char text[LOG_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    log_clean(text);
    logger->write(logger->owner, NULL, text, (int32_t)severity);
}
