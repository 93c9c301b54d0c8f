// Answers Falco's questions for fields from a record's index.
#pragma once

#include <stdint.h>

#include "shared/falco_abi.h"

// One value of an answer, as Falco reads it: a C string, a number or time, or a bool.
union extract_cell {
    const char *string;
    uint64_t u64;
    uint32_t boolean;
};
static_assert(sizeof(union extract_cell) == 8, "an array of it is an array of pointers or of u64");

// The memory of the answers to one extract_fields call.
#define EXTRACT_CELLS 4096
struct extract_cells {
    uint32_t used;
    union extract_cell cell[EXTRACT_CELLS];
};

// Fills res and res_len of one field from a valid record; absent (res_len 0) where the event has no such value.
void extract_field(const uint8_t *record, struct falco_extract_field *field, struct extract_cells *cells);

// Marks a field as absent.
void extract_absent(struct falco_extract_field *field);

// The string value of a field without argument, or NULL.
const char *extract_string(const uint8_t *record, uint32_t field_id);
