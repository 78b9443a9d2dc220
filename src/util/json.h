/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_UTIL_JSON_H
#define CARREL_UTIL_JSON_H

#include "util/buf.h"
#include <stdbool.h>
#include <stddef.h>

/*
 * Writes JSON (RFC 8259). The key is NULL inside arrays and at the top. Bytes that are no valid
 * UTF-8 are written as U+DC80..U+DCFF surrogate escapes (\udcNN, as Python's surrogateescape
 * reads them), so a file name survives the trip. Nesting is limited to 16.
 */
struct json {
    struct buf *out;
    int depth;
    bool has_member[16];
    bool is_array[16];
};

void json_object(struct json *j, const char *key);
void json_array(struct json *j, const char *key);
void json_end(struct json *j);
void json_string(struct json *j, const char *key, const char *value);
void json_bytes(struct json *j, const char *key, const char *value, size_t n);
void json_number(struct json *j, const char *key, long long value);
void json_bool(struct json *j, const char *key, bool value);
void json_null(struct json *j, const char *key);

#endif
