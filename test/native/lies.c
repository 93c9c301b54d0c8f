// Records that lie: each word of an honest record's index becomes in turn each number that breaks bounds where they are
// not checked, and Falco's questions are asked of what is still a valid record. It lies in memory of its very length, so
// that AddressSanitizer sees each byte beyond.
//   lies RECORD...      exits 0; prints how many lies there were, and how many answers they changed
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/extract.h"
#include "shared/record.h"

static uint8_t honest[8192];
static struct extract_cells cells;
static uint64_t lies, changed;

static void check(bool holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static uint64_t mix(uint64_t sum, uint64_t value) {
    return (sum ^ value) * 0x100000001b3ull;
}

// Reads all that Falco would of an event. Returns what tells one set of answers from another.
static uint64_t read_all(const uint8_t *record) {
    static const char *const keys[] = {"name", ""};
    uint64_t sum = 0;
    for (uint32_t question = 0; question < 2 * FIELD_COUNT; question++) {
        const uint32_t id = question / 2;
        const bool keyed = FIELD_SHAPES[id].keyed;
        struct falco_extract_field field = {.field_id = id, .arg_key = keys[question % 2], .arg_present = keyed};
        cells.used = 0;
        extract_field(record, &field, &cells);
        check(field.res_len <= EXTRACT_CELLS && field.res_len == cells.used, "more cells than there are");
        size_t bytes = 0;
        sum = mix(sum, field.res_len);
        for (uint64_t i = 0; i < field.res_len; i++) {
            const union extract_cell *cell = (const union extract_cell *)field.res + i;
            if (FIELD_SHAPES[id].type == FIELD_STRING) {
                for (const char *c = cell->string; *c != 0; c++, bytes++) sum = mix(sum, (uint8_t)*c);
            } else {
                sum = mix(sum, FIELD_SHAPES[id].type == FIELD_BOOL ? cell->boolean : cell->u64);
            }
        }
        check(bytes < record_size(record), "a value is longer than its record");
    }
    return sum;
}

static void lie(size_t size, size_t at, uint32_t number, uint64_t truth) {
    uint8_t *record = malloc(size);
    check(record != NULL, "no memory");
    memcpy(record, honest, size);
    memcpy(record + at, &number, sizeof number);
    lies++;
    if (record_valid(record, size) && read_all(record) != truth) changed++;
    free(record);
}

static void lie_everywhere(const char *path) {
    FILE *file = fopen(path, "rb");
    check(file != NULL && fgetc(file) == 1, path);
    const size_t size = fread(honest, 1, sizeof honest, file);
    fclose(file);
    check(size >= RECORD_MIN && record_valid(honest, size), path);
    const uint64_t truth = read_all(honest);
    const uint32_t index = record_u32(honest, RECORD_INDEX);
    const uint32_t end = (uint32_t)size;
    for (uint32_t at = 0; at + 4 <= end; at = at == RECORD_INDEX ? RECORD_SLOTS : at == RECORD_SLOTS ? index : at + 4) {
        const uint32_t now = record_u32(honest, at);
        const uint32_t numbers[] = {0,
                                    1,
                                    2,
                                    3,
                                    index,
                                    at,
                                    now + 1,
                                    now - 1,
                                    now + 8,
                                    now * 4096,
                                    end - index,
                                    end - 9,
                                    end - 8,
                                    end - 5,
                                    end - 4,
                                    end - 3,
                                    end - 1,
                                    end,
                                    end + 1,
                                    0x1fffffff,
                                    0x3fffffff,
                                    0x7fffffff,
                                    0x80000000,
                                    UINT32_MAX - 7,
                                    UINT32_MAX - end,
                                    UINT32_MAX};
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) lie(size, at, numbers[i], truth);
    }
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) lie_everywhere(argv[i]);
    printf("%llu lies, %llu of them changed an answer\n", (unsigned long long)lies, (unsigned long long)changed);
    check(argc > 1 && changed > lies / 20, "the lies were not believed");
}
