/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values of our own groups, checked as the keyword table says. */
#include "policy/keyfile.h"
#include "policy/keywords.h"
#include "policy/merge.h"
#include "util/chord.h"
#include "util/str.h"
#include "util/word.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What is being checked. */
struct check {
    struct source *s;
    const struct keyword *key;
    const char *words; /* where the key's words stand in the table: "GROUP/KEY" */
    struct place at;
};

static bool check_word(const struct check *c, const char *word, struct place at)
{
    if (keyword_find(KEYWORD_WORD, c->words, word))
        return true;
    source_diag(c->s, DIAG_ERROR, at, keyword_hint(c->s->p->arena, KEYWORD_WORD, c->words, word),
                "\"%s\" is no value of %s", word, c->key->name);
    return false;
}

static bool check_bool(const struct check *c, const char *value, struct place at)
{
    if (str_eq(value, "true") || str_eq(value, "false"))
        return true;
    source_diag(c->s, DIAG_ERROR, at, "write true or false", "\"%s\" is no value of %s", value,
                c->key->name);
    return false;
}

static bool check_command(const struct check *c, const char *name, struct place at)
{
    if (*name && *name != '-' && *name != '.' && !strchr(name, '/') && !unsafe_char(name))
        return true;
    source_diag(c->s, DIAG_ERROR, at, "write what people type, such as firefox",
                "\"%s\" is no name of a command", name);
    return false;
}

static bool check_argument(const struct check *c, const char *word, struct place at)
{
    if (*word == '-' && !unsafe_char(word))
        return true;
    source_diag(c->s, DIAG_ERROR, at, "write the option as it is typed, such as -nw",
                "\"%s\" is no option of a command line", word);
    return false;
}

static bool check_variable(const struct check *c, const char *name, struct place at)
{
    return env_name_ok(c->s, name, at);
}

/* Debian Policy 5.6.1. */
static bool check_package(const struct check *c, const char *name, struct place at)
{
    static const char head[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    static const char rest[] = "abcdefghijklmnopqrstuvwxyz0123456789+-.";
    if (*name == '\0' ||
        (strlen(name) > 1 && strspn(name, head) > 0 && name[strspn(name, rest)] == '\0'))
        return true;
    source_diag(c->s, DIAG_ERROR, at, "lower-case letters, digits, '+', '-' and '.' make one",
                "\"%s\" is no name of a package", name);
    return false;
}

static bool check_desktop(const struct check *c, const char *name, struct place at)
{
    if (!strchr(name, '/') && *name != '.' && !unsafe_char(name))
        return true;
    source_diag(c->s, DIAG_ERROR, at, "write org.example.App.desktop, without a folder",
                "\"%s\" is no name of a .desktop file", name);
    return false;
}

static bool check_chord(const struct check *c, const char *value, struct place at)
{
    struct chord chord;
    if (chord_read(value, &chord))
        return true;
    source_diag(
        c->s, DIAG_ERROR, at,
        "write Ctrl, Alt or Super, Shift as well, and a letter, digit, F1 to F12, Insert, Delete, "
        "Home, End, PageUp, PageDown, Pause or Space: Ctrl+Shift+Insert; or none",
        "\"%s\" is no value of %s", value, c->key->name);
    return false;
}

static bool rule_fault(const struct check *c, struct place at, const char *what, const char *hint)
{
    source_diag(c->s, DIAG_ERROR, at, hint, "\"%s\" makes no rule for a bus", what);
    return false;
}

/* Names of members and paths are all of these; the filter looks closer, and does not start. */
static bool only(const char *s, const char *allowed)
{
    return *s && s[strspn(s, allowed)] == '\0';
}

#define WORD_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

/* As src/dbus/rules.h has it; tests/dbus/run.py holds the two together. */
static bool check_bus_rule(const struct check *c, const char *rule, struct place at)
{
    struct arena *a = c->s->p->arena;
    struct word w[9];
    char *comment, *line = arena_strdup(a, rule);
    int n = word_split(line, strlen(line), w, (int)ARRAY_SIZE(w), &comment);
    if (n < 4 || comment || n > 8)
        return rule_fault(c, at, rule,
                          "write call|broadcast NAME INTERFACE.MEMBER PATH [argN=TEXT...]");
    if (!str_eq(w[0].s, "call") && !str_eq(w[0].s, "broadcast"))
        return rule_fault(c, at, w[0].s, "it begins with call or broadcast");
    if (bus_name_error(w[1].s))
        return rule_fault(c, at, w[1].s, "write org.example.Name or org.example.*");
    const char *dot = strrchr(w[2].s, '.');
    if (!str_eq(w[2].s, "*") && (!dot || !only(w[2].s, WORD_CHARS ".*")))
        return rule_fault(c, at, w[2].s, "write INTERFACE.MEMBER, INTERFACE.* or *");
    if (!str_eq(w[3].s, "*") && (*w[3].s != '/' || !only(w[3].s, WORD_CHARS "/*")))
        return rule_fault(c, at, w[3].s, "write an object's path, one with /* behind it, or *");
    for (int i = 4; i < n; i++) {
        const char *s = str_after(w[i].s, "arg");
        size_t digits = s ? strspn(s, "0123456789") : 0;
        if (digits < 1 || digits > 2 || (s[digits] != '=' && strncmp(s + digits, "^=", 2) != 0))
            return rule_fault(c, at, w[i].s, "write argN=TEXT or argN^=BEGINNING");
    }
    return true;
}

/* One checker a type; NULL: the value is looked at as a whole. */
static const struct {
    bool list;
    bool (*check)(const struct check *c, const char *item, struct place at);
} types[] = {
    [VALUE_OTHER] = {false, NULL},
    [VALUE_INTEGER] = {false, NULL},
    [VALUE_BOOL] = {false, check_bool},
    [VALUE_WORD] = {false, check_word},
    [VALUE_WORDS] = {true, check_word},
    [VALUE_COMMANDS] = {true, check_command},
    [VALUE_VARIABLES] = {true, check_variable},
    [VALUE_PACKAGE] = {false, check_package},
    [VALUE_DESKTOP] = {false, check_desktop},
    [VALUE_BUS_RULES] = {true, check_bus_rule},
    [VALUE_ARGUMENTS] = {true, check_argument},
    [VALUE_CHORD] = {false, check_chord},
};

bool carrel_is_list(const struct keyword *k)
{
    return types[k->type].list;
}

/* "4G" → 4294967296. Returns -1 when it is no number or does not fit. */
static long long number(const char *text)
{
    char *end;
    errno = 0;
    if (*text < '0' || *text > '9')
        return -1;
    long long n = strtoll(text, &end, 10);
    int shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;
    if (shift)
        end++;
    if (errno || *end || n > (__LONG_LONG_MAX__ >> shift))
        return -1;
    return n << shift;
}

static const char *check_integer(const struct check *c, const char *value)
{
    long long n = number(value);
    if (n >= c->key->least && n <= c->key->most)
        return arena_printf(c->s->p->arena, "%lld", n);
    source_diag(
        c->s, DIAG_ERROR, c->at,
        arena_printf(c->s->p->arena,
                     "a whole number from %lld to %lld; K, M and G stand for powers of 1024",
                     c->key->least, c->key->most),
        "\"%s\" is no value of %s", value, c->key->name);
    return NULL;
}

/* What is kept is written anew from the good items, so that it can be split without a fault. */
static const char *check_list(const struct check *c, const char *value)
{
    struct kf_item *items;
    struct buf out = {.arena = c->s->p->arena};
    size_t n = kf_list(c->s, value, c->at, &items), good = 0;
    buf_bytes(&out, "", 0);
    for (size_t i = 0; i < n; i++) {
        good += types[c->key->type].check(c, items[i].text, items[i].at);
        kf_escape(&out, items[i].text, true);
        buf_char(&out, ';');
    }
    return good == n ? out.data : NULL;
}

/* Returns the value to be kept, or NULL after an error. */
static const char *checked(const struct check *c, const char *value)
{
    if (types[c->key->type].list)
        return check_list(c, value);
    const char *text = kf_string(c->s, value, c->at);
    if (!text)
        return NULL;
    if (c->key->type == VALUE_INTEGER)
        return check_integer(c, text);
    return types[c->key->type].check(c, text, c->at) ? text : NULL;
}

static void keep(struct policy *p, struct carrel_value value)
{
    for (size_t i = 0; i < p->n_carrel; i++) {
        if (str_eq(p->carrel[i].group, value.group) && str_eq(p->carrel[i].key, value.key)) {
            p->carrel[i] = value;
            return;
        }
    }
    p->carrel = arena_grow(p->arena, p->carrel, p->n_carrel, &p->cap_carrel, sizeof *p->carrel);
    p->carrel[p->n_carrel++] = value;
}

void carrel_set(struct source *s, const char *group, const char *key, const char *value,
                struct place key_at, struct place at)
{
    const struct keyword *k = keyword_find(KEYWORD_KEY, group, key);
    if (!k) {
        source_diag(s, DIAG_ERROR, key_at, keyword_hint(s->p->arena, KEYWORD_KEY, group, key),
                    "\"%s\" is no key of [%s]", key, group);
        return;
    }
    struct check c = {.s = s, .key = k, .at = at};
    c.words = arena_printf(s->p->arena, "%s/%s", group, key);
    const char *good = checked(&c, value);
    if (good)
        keep(s->p, (struct carrel_value){.group = k->in, .key = k->name, .value = good, .at = at});
}

const struct carrel_value *policy_carrel(const struct policy *p, const char *group, const char *key)
{
    for (size_t i = 0; i < p->n_carrel; i++)
        if (str_eq(p->carrel[i].group, group) && str_eq(p->carrel[i].key, key))
            return &p->carrel[i];
    return NULL;
}

const char *const *policy_list(struct arena *a, const char *value, size_t *n)
{
    /* Checked when it was read, so no fault is left to tell. */
    struct policy p = {.arena = a};
    struct diags d = {.arena = a};
    struct source s = {.p = &p, .d = &d};
    struct kf_item *items;
    size_t count = kf_list(&s, value, (struct place){0}, &items);
    const char **out = arena_array(a, count + 1, sizeof *out);
    for (size_t i = 0; i < count; i++)
        out[i] = items[i].text;
    if (n)
        *n = count;
    return out;
}
