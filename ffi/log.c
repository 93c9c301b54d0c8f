#include "log.h"

#include <stdarg.h>
#include <stdio.h>

#include "constants.h"

void log_clean(char *text) {
    for (unsigned char *c = (unsigned char *)text; *c != 0; c++) {
        // C1 controls are two bytes in UTF-8; terminals obey them as they do an ESC.
        if (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0) c[1] = *c = ' ';
        if (*c < ' ' || *c == 0x7f) *c = ' ';
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
    logger->write(logger->owner, NULL, text, severity);
}
