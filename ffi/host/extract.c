// Looks values up in the index of a valid record. Offsets and counts in it are the runtime's word: each is checked here.
#include "host/extract.h"

#include <assert.h>
#include <string.h>

#include "shared/record.h"

static_assert(NUMBER_BYTES == sizeof(uint64_t) && LIST_ITEM_BYTES == sizeof(uint32_t), "as they are read here");

// What is asked less often than a plain value, and whose registers that shall not pay for.
#define RARE __attribute__((noinline))

// A field's slot, and where the block lies that the slot counts from.
struct found {
    size_t origin;
    uint32_t slot;
};

static bool inside(const uint8_t *record, size_t offset, uint64_t bytes) {
    size_t size = record_size(record);
    return offset <= size && bytes <= size - offset;
}

// The count of the table at `offset`, whose entries lie behind it; 0 where it runs out of the record.
static uint32_t table_count(const uint8_t *record, size_t offset, uint32_t entry_bytes) {
    if (!inside(record, offset, COUNT_BYTES)) return 0;
    const uint32_t count = record_u32(record, offset);
    return inside(record, offset + COUNT_BYTES, (uint64_t)count * entry_bytes) ? count : 0;
}

// The slot of a field; 0 where the field is absent.
static struct found find_slot(const uint8_t *record, const struct field_shape *shape) {
    const size_t index = record_u32(record, RECORD_INDEX);
    const size_t offset = (size_t)shape->slot * SLOT_BYTES;
    // The record is valid: the slots of the event's own block lie in it.
    if (shape->block == 0)
        return (struct found){
            .slot = shape->slot < record_u32(record, RECORD_SLOTS) ? record_u32(record, index + offset) : 0};
    const size_t block = record_u32(record, index + (size_t)(shape->block - 1) * SLOT_BYTES);
    if (block == 0 || shape->slot >= table_count(record, block, SLOT_BYTES)) return (struct found){0};
    return (struct found){.origin = block, .slot = record_u32(record, block + COUNT_BYTES + offset)};
}

// A string at an offset of the record, or NULL where the offset is outside; the record's last byte ends any string.
static const char *string_at(const uint8_t *record, size_t offset) {
    return offset < record_size(record) ? (const char *)record + offset : NULL;
}

// The value that `key` has among the pairs of the table at `offset`, or NULL.
RARE static const char *find_pair(const uint8_t *record, size_t origin, size_t offset, const char *key) {
    const size_t size = record_size(record);
    const size_t length = key == NULL ? size : strlen(key);
    if (length >= size) return NULL;
    const uint32_t count = table_count(record, offset, PAIR_BYTES);
    const uint8_t *pair = record + offset + COUNT_BYTES;
    for (uint32_t i = 0; i < count; i++, pair += PAIR_BYTES) {
        if (record_u32(pair, 4) != length) continue;
        const size_t key_at = origin + record_u32(pair, 0);
        // The value begins right behind the key, and in the record.
        if (key_at >= size - length) continue;
        if (memcmp(record + key_at, key, length) == 0) return (const char *)record + key_at + length;
    }
    return NULL;
}

// Fills `cells` with the strings of the table at `offset`, at most `room`. Returns how many; 0 where they are not what
// an honest runtime writes.
RARE static uint32_t read_list(const uint8_t *record, size_t origin, size_t offset, union extract_cell *cells,
                               uint32_t room) {
    const uint32_t listed = table_count(record, offset, LIST_ITEM_BYTES);
    const uint32_t count = listed < room ? listed : room;
    for (uint32_t i = 0; i < count; i++) {
        const size_t item = offset + COUNT_BYTES + (size_t)i * LIST_ITEM_BYTES;
        cells[i].string = string_at(record, origin + record_u32(record, item));
        if (cells[i].string == NULL) return 0;
        // Each lies behind the end of the one before: all together are no longer than the record, and Falco copies
        // them all.
        if (i > 0 && (cells[i].string <= cells[i - 1].string || cells[i].string[-1] != 0)) return 0;
    }
    return count;
}

// As read_list, for numbers.
RARE static uint32_t read_numbers(const uint8_t *record, size_t offset, union extract_cell *cells, uint32_t room) {
    const uint32_t listed = table_count(record, offset, NUMBER_BYTES);
    const uint32_t count = listed < room ? listed : room;
    for (uint32_t i = 0; i < count; i++)
        memcpy(&cells[i].u64, record + offset + COUNT_BYTES + (size_t)i * NUMBER_BYTES, sizeof cells[i].u64);
    return count;
}

void extract_absent(struct falco_extract_field *field) {
    field->res = NULL;
    field->res_len = 0;
}

static void answer(struct falco_extract_field *field, const union extract_cell *cells, uint32_t count) {
    field->res = cells;
    field->res_len = count;
}

void extract_field(const uint8_t *record, struct falco_extract_field *field, struct extract_cells *cells) {
    extract_absent(field);
    if (field->field_id >= FIELD_COUNT) return;
    const struct field_shape *shape = &FIELD_SHAPES[field->field_id];
    const struct found found = find_slot(record, shape);
    if (found.slot == 0) return;

    assert(cells->used <= EXTRACT_CELLS);
    union extract_cell *cell = &cells->cell[cells->used];
    const uint32_t room = EXTRACT_CELLS - cells->used;
    if (room == 0) return;
    const size_t at = found.origin + found.slot;
    uint32_t count = 1;
    if (shape->list) {
        count = shape->type == FIELD_STRING ? read_list(record, found.origin, at, cell, room)
                                            : read_numbers(record, at, cell, room);
        if (count == 0) return;
    } else if (shape->keyed) {
        cell->string = field->arg_present ? find_pair(record, found.origin, at, field->arg_key) : NULL;
        if (cell->string == NULL) return;
    } else if (shape->type == FIELD_STRING) {
        cell->string = string_at(record, at);
        if (cell->string == NULL) return;
    } else if (shape->type == FIELD_BOOL) {
        cell->boolean = found.slot == FLAG_TRUE;
    } else {
        if (!inside(record, at, NUMBER_BYTES)) return;
        memcpy(&cell->u64, record + at, sizeof cell->u64);
    }
    cells->used += count;
    answer(field, cell, count);
}

const char *extract_string(const uint8_t *record, uint32_t field_id) {
    const struct found found = find_slot(record, &FIELD_SHAPES[field_id]);
    return found.slot == 0 ? NULL : string_at(record, found.origin + found.slot);
}
