// Looks values up in the index of a valid record. Offsets and counts in it are the runtime's word: each is checked here.
#include "host/extract.h"

#include <assert.h>
#include <string.h>

#include "shared/record.h"

static_assert(NUMBER_BYTES == sizeof(uint64_t) && LIST_ITEM_BYTES == sizeof(uint32_t), "as they are read here");

struct slot {
    size_t offset;
    uint32_t count;
};

static struct slot read_slot(const uint8_t *record, uint32_t field_id) {
    size_t at = record_u32(record, RECORD_INDEX) + (size_t)field_id * SLOT_BYTES;
    return (struct slot){.offset = record_u32(record, at), .count = record_u32(record, at + 4)};
}

// A string at an offset of the record, or NULL where the offset is outside; the record's last byte ends any string.
static const char *string_at(const uint8_t *record, size_t offset) {
    return offset < record_size(record) ? (const char *)record + offset : NULL;
}

static bool inside(const uint8_t *record, size_t offset, uint64_t bytes) {
    size_t size = record_size(record);
    return offset <= size && bytes <= size - offset;
}

// The value that `key` has among `slot.count` pairs, or NULL.
static const char *find_pair(const uint8_t *record, struct slot slot, const char *key) {
    if (key == NULL || !inside(record, slot.offset, (uint64_t)slot.count * PAIR_BYTES)) return NULL;
    size_t length = strlen(key);
    const uint8_t *pair = record + slot.offset;
    for (uint32_t i = 0; i < slot.count; i++, pair += PAIR_BYTES) {
        size_t key_at = record_u32(pair, 0);
        if (record_u32(pair, 4) != length || !inside(record, key_at, length)) continue;
        if (memcmp(record + key_at, key, length) == 0) return string_at(record, record_u32(pair, 8));
    }
    return NULL;
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
    const struct field_shape shape = FIELD_SHAPES[field->field_id];
    const struct slot slot = read_slot(record, field->field_id);
    if (slot.count == 0) return;

    assert(cells->used <= EXTRACT_CELLS);
    union extract_cell *cell = &cells->cell[cells->used];
    const uint32_t room = EXTRACT_CELLS - cells->used;
    if (room == 0) return;
    if (shape.list) {
        if (!inside(record, slot.offset, (uint64_t)slot.count * LIST_ITEM_BYTES)) return;
        const uint32_t count = slot.count < room ? slot.count : room;
        for (uint32_t i = 0; i < count; i++) {
            cell[i].string = string_at(record, record_u32(record, slot.offset + (size_t)i * LIST_ITEM_BYTES));
            if (cell[i].string == NULL) return;
            // Each lies behind the end of the one before: all together are no longer than the record, and Falco copies
            // them all.
            if (i > 0 && (cell[i].string <= cell[i - 1].string || cell[i].string[-1] != 0)) return;
        }
        cells->used += count;
        answer(field, cell, count);
        return;
    }
    if (shape.keyed) {
        cell->string = field->arg_present ? find_pair(record, slot, field->arg_key) : NULL;
        if (cell->string == NULL) return;
    } else if (shape.type == FIELD_STRING) {
        cell->string = string_at(record, slot.offset);
        if (cell->string == NULL) return;
    } else if (shape.type == FIELD_BOOL) {
        if (!inside(record, slot.offset, NUMBER_BYTES)) return;
        cell->boolean = record_u32(record, slot.offset) != 0;
    } else {
        if (!inside(record, slot.offset, NUMBER_BYTES)) return;
        memcpy(&cell->u64, record + slot.offset, sizeof cell->u64);
    }
    cells->used++;
    answer(field, cell, 1);
}

const char *extract_string(const uint8_t *record, uint32_t field_id) {
    const struct slot slot = read_slot(record, field_id);
    return slot.count == 0 ? NULL : string_at(record, slot.offset);
}
