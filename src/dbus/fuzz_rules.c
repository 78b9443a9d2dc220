/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules, and match rules: faults have a place, and what may own a name may talk to it. */
#include "dbus/match.h"
#include "dbus/rules.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

static void must(int holds)
{
    if (!holds)
        abort();
}

static void ask(const struct rules *r, const char *name)
{
    struct message m = {
        .type = WIRE_CALL, .path = "/a/b", .interface = "a.B", .member = "C", .signature = ""};
    struct arguments none = {.signature = ""};
    enum level level = rules_level(r, name);
    enum rule_answer call = rules_allow(r, name, RULE_CALL, &m, NULL);
    must(call == RULE_NO || level >= LEVEL_TALK);
    must(level != LEVEL_OWN || call == RULE_YES);
    must(rules_allow(r, name, RULE_CALL, &m, &none) != RULE_NEEDS_ARGS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rules r;
    int line = 0, column = 0;
    const char *why = NULL;
    char *text = malloc(size + 1), *match = malloc(size + 1);
    must(text && match);
    memcpy(text, data, size);
    memcpy(match, data, size);
    text[size] = match[size] = '\0';
    const char *refused = match_refused(match);
    must(refused || !strstr(match, "eavesdrop="));
    free(match);
    if (rules_read(&r, text, size, &line, &column, &why) < 0) {
        must(why && line >= 1 && column >= 1 && !r.v && !r.text);
        return 0;
    }
    for (size_t i = 0; i < r.n; i++) {
        must(rules_mention(&r, r.v[i].name, r.v[i].below));
        ask(&r, r.v[i].name);
    }
    ask(&r, "org.example.App.x");
    rules_free(&r);
    return 0;
}
