/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/rules.h"

#include "util/word.h"

#include <stdlib.h>
#include <string.h>

enum { WORDS = 4 + RULE_MOST_ARGS };

/* ---- looking names up ---- */

static int compare(const struct rule *r, const char *name, size_t n)
{
    int c = strncmp(r->name, name, n);
    return c ? c : r->name[n] != '\0';
}

static size_t first_of(const struct rules *r, const char *name, size_t n)
{
    size_t low = 0, high = r->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&r->v[middle], name, n) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Goes through the rules for a name, the narrowest first. */
struct walk {
    const struct rules *rules;
    const char *name;
    size_t n, at;
    bool exact, ends;
};

static struct walk walk_begin(const struct rules *r, const char *name)
{
    size_t n = strlen(name);
    return (struct walk){r, name, n, first_of(r, name, n), true, false};
}

static const struct rule *walk_next(struct walk *w)
{
    for (;;) {
        while (w->at < w->rules->n && compare(&w->rules->v[w->at], w->name, w->n) == 0) {
            const struct rule *r = &w->rules->v[w->at++];
            if (!w->exact && !r->below)
                continue;
            w->ends = w->ends || (r->kind == RULE_LEVEL && r->level == LEVEL_NONE);
            return r;
        }
        while (w->n > 0 && w->name[w->n - 1] != '.')
            w->n--;
        if (w->ends || w->n == 0)
            return NULL;
        w->n--;
        w->exact = false;
        w->at = first_of(w->rules, w->name, w->n);
    }
}

enum level rules_level(const struct rules *r, const char *name)
{
    struct walk w = walk_begin(r, name);
    enum level most = LEVEL_NONE;
    for (const struct rule *rule; (rule = walk_next(&w));)
        if (rule->level > most)
            most = rule->level;
    return most;
}

/* The argument as a text, or NULL. */
static const char *argument(const struct arguments *from, unsigned n)
{
    struct arguments a = *from;
    while (n-- > 0)
        if (!arguments_skip(&a))
            return NULL;
    return *a.signature && strchr("sog", *a.signature) ? arguments_text(&a, *a.signature) : NULL;
}

static bool args_match(const struct rule *r, const struct arguments *a)
{
    for (unsigned i = 0; i < r->n_args; i++) {
        const char *is = argument(a, r->args[i].n), *want = r->args[i].text;
        if (!is || (r->args[i].beginning ? strncmp(is, want, strlen(want)) : strcmp(is, want)) != 0)
            return false;
    }
    return true;
}

static bool path_matches(const struct rule *r, const char *path)
{
    size_t n = strlen(r->path);
    if (!r->path_below)
        return strcmp(r->path, path) == 0;
    return strncmp(r->path, path, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

static bool member_matches(const struct rule *r, const struct message *m)
{
    return (!r->interface || (m->interface && strcmp(r->interface, m->interface) == 0)) &&
           (!r->member || (m->member && strcmp(r->member, m->member) == 0)) &&
           (!r->path || (m->path && path_matches(r, m->path)));
}

enum rule_answer rules_allow(const struct rules *r, const char *name, enum rule_kind kind,
                             const struct message *m, const struct arguments *a)
{
    struct walk w = walk_begin(r, name);
    enum rule_answer answer = RULE_NO;
    for (const struct rule *rule; (rule = walk_next(&w));) {
        if (rule->kind == RULE_LEVEL && rule->level >= LEVEL_TALK)
            return RULE_YES;
        if (rule->kind != kind || !member_matches(rule, m))
            continue;
        if (rule->n_args && !a)
            answer = RULE_NEEDS_ARGS;
        else if (!rule->n_args || args_match(rule, a))
            return RULE_YES;
    }
    return answer;
}

bool rules_withhold(const struct rules *r, const struct message *m)
{
    for (size_t i = 0; i < r->n_withheld; i++)
        if (m->member && strcmp(r->withheld[i].member, m->member) == 0 &&
            (!m->interface || strcmp(r->withheld[i].interface, m->interface) == 0))
            return true;
    return false;
}

bool rules_mention(const struct rules *r, const char *name, bool below)
{
    size_t n = strlen(name);
    for (size_t i = first_of(r, name, n); i < r->n && compare(&r->v[i], name, n) == 0; i++)
        if (r->v[i].below == below)
            return true;
    return false;
}

/* ---- reading ---- */

struct reading {
    struct rules *r;
    struct word *w; /* of the line at hand */
    int n, wrong;   /* number of words; index of the wrong one */
    const char *why;
};

static bool wrong(struct reading *d, int word, const char *why)
{
    d->wrong = word;
    d->why = why;
    return false;
}

static int find(const char *const *names, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

static bool ends_with(char *s, const char *end)
{
    size_t n = strlen(s), k = strlen(end);
    if (n < k || strcmp(s + n - k, end) != 0)
        return false;
    s[n - k] = '\0';
    return true;
}

static bool read_name(struct reading *d, struct rule *rule)
{
    char *s = d->w[1].s;
    rule->below = ends_with(s, ".*");
    rule->name = s;
    /* The namespace of a wildcard may be a single element, as arg0namespace allows. */
    if (well_known_name_ok(s) || (rule->below && member_ok(s)))
        return true;
    return wrong(d, 1, "no name on a bus: write org.example.App or org.example.*");
}

/* INTERFACE.MEMBER; the member NULL: any. */
static bool split_member(char *s, const char **interface, const char **member)
{
    char *dot = strrchr(s, '.');
    if (!dot)
        return false;
    *dot = '\0';
    *interface = s;
    *member = strcmp(dot + 1, "*") == 0 ? NULL : dot + 1;
    return interface_ok(s) && (!*member || member_ok(*member));
}

static bool read_member(struct reading *d, struct rule *rule)
{
    char *s = d->w[2].s;
    return strcmp(s, "*") == 0 || split_member(s, &rule->interface, &rule->member) ||
           wrong(d, 2, "write INTERFACE.MEMBER, INTERFACE.* or *");
}

static bool read_path(struct reading *d, struct rule *rule)
{
    char *s = d->w[3].s;
    if (strcmp(s, "*") == 0)
        return true;
    rule->path_below = ends_with(s, "/*");
    rule->path = s;
    return (rule->path_below && !*s) || path_ok(s)
               ? true
               : wrong(d, 3, "write an object path, one with /* behind it, or *");
}

static bool read_arg(struct reading *d, struct rule *rule, int word)
{
    static const char help[] = "write argN=TEXT or argN^=BEGINNING";
    char *s = d->w[word].s;
    if (strncmp(s, "arg", 3) != 0 || s[3] < '0' || s[3] > '9')
        return wrong(d, word, help);
    struct rule_arg *arg = &rule->args[rule->n_args++];
    for (s += 3; *s >= '0' && *s <= '9'; s++) {
        arg->n = arg->n * 10 + (unsigned)(*s - '0');
        if (arg->n > RULE_ARG_MOST)
            return wrong(d, word, "no argument beyond 63 is looked at");
    }
    arg->beginning = *s == '^';
    s += arg->beginning;
    arg->text = s + 1;
    return *s == '=' ? true : wrong(d, word, help);
}

static bool add(struct reading *d, const struct rule *rule)
{
    struct rules *r = d->r;
    if (r->n == RULES_MOST)
        return wrong(d, 0, "too many rules");
    if (r->n == r->cap) {
        size_t cap = r->cap ? r->cap * 2 : 32;
        struct rule *v = realloc(r->v, cap * sizeof *v);
        if (!v)
            return wrong(d, 0, "no memory");
        r->v = v;
        r->cap = cap;
    }
    r->v[r->n++] = *rule;
    return true;
}

static bool read_level(struct reading *d)
{
    static const char *const names[] = {"none", "see", "talk", "own"};
    struct rule rule = {.kind = RULE_LEVEL};
    rule.level = (enum level)find(names, 4, d->w[0].s);
    return read_name(d, &rule) && add(d, &rule);
}

static bool read_pattern(struct reading *d)
{
    struct rule rule = {.kind = *d->w[0].s == 'c' ? RULE_CALL : RULE_BROADCAST,
                        .level = LEVEL_TALK};
    if (!read_name(d, &rule) || !read_member(d, &rule) || !read_path(d, &rule))
        return false;
    for (int i = 4; i < d->n; i++)
        if (!read_arg(d, &rule, i))
            return false;
    return add(d, &rule);
}

static bool read_app(struct reading *d)
{
    d->r->app = d->w[1].s;
    return true;
}

static bool read_withheld(struct reading *d)
{
    struct rules *r = d->r;
    if (r->n_withheld == RULES_MOST_WITHHELD)
        return wrong(d, 0, "too many members are withheld");
    if (!split_member(d->w[1].s, &r->withheld[r->n_withheld].interface,
                      &r->withheld[r->n_withheld].member) ||
        !r->withheld[r->n_withheld].member)
        return wrong(d, 1, "write INTERFACE.MEMBER");
    r->n_withheld++;
    return true;
}

static bool read_sloppy(struct reading *d)
{
    d->r->sloppy = true;
    return true;
}

static bool read_names_inside(struct reading *d)
{
    d->r->names_inside = true;
    return true;
}

static bool read_log(struct reading *d)
{
    static const char *const names[] = {"none", "refused", "all"};
    int i = find(names, 3, d->w[1].s);
    if (i < 0)
        return wrong(d, 1, "write none, refused or all");
    d->r->log = (enum log_what)i;
    return true;
}

static bool read_limit(struct reading *d)
{
    static const char *const names[] = {"connections", "rate",    "burst",   "memory",
                                        "descriptors", "message", "pending", "matches"};
    static const uint32_t most[] = {4096,  1000000,        1000000, 1u << 30,
                                    65536, WIRE_SIZE_MOST, 65536,   65536};
    struct rules *r = d->r;
    int i = find(names, 8, d->w[1].s);
    uint64_t n = 0;
    const char *s = d->w[2].s;
    if (i < 0)
        return wrong(d, 1, "no such limit");
    for (; *s >= '0' && *s <= '9' && n <= most[i]; s++)
        n = n * 10 + (uint64_t)(*s - '0');
    bool may_be_0 = i == 1 || i == 2 || i == 4;
    if (*s || s == d->w[2].s || n > most[i] || (n == 0 && !may_be_0))
        return wrong(d, 2, "no number, or one out of bounds");
    if (i == 3)
        r->limits.memory = n;
    else if (i == 5)
        r->message_most = n;
    else
        *(unsigned *[]){
            &r->limits.connections, &r->limits.rate, &r->limits.burst, NULL, &r->limits.fds, NULL,
            &r->pending_most,       &r->matches_most}[i] = (unsigned)n;
    return true;
}

static const struct {
    const char *verb;
    int least, most; /* words */
    bool (*read)(struct reading *);
} verbs[] = {
    {"app", 2, 2, read_app},
    {"none", 2, 2, read_level},
    {"see", 2, 2, read_level},
    {"talk", 2, 2, read_level},
    {"own", 2, 2, read_level},
    {"call", 4, WORDS, read_pattern},
    {"broadcast", 4, WORDS, read_pattern},
    {"withhold", 2, 2, read_withheld},
    {"sloppy-names", 1, 1, read_sloppy},
    {"names-inside", 1, 1, read_names_inside},
    {"log", 2, 2, read_log},
    {"limit", 3, 3, read_limit},
};

static bool read_words(struct reading *d)
{
    for (int i = 0; i < d->n; i++)
        if (strlen(d->w[i].s) != d->w[i].n)
            return wrong(d, i, "a word with a NUL in it");
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (strcmp(verbs[i].verb, d->w[0].s) != 0)
            continue;
        if (d->n < verbs[i].least || d->n > verbs[i].most)
            return wrong(d, 0, "wrong number of words");
        return verbs[i].read(d);
    }
    return wrong(d, 0, "unknown word");
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct rule *)a)->name, ((const struct rule *)b)->name);
}

/* Each name costs a message at the start of each connection. */
static bool few_names(const struct rules *r)
{
    size_t names = 0;
    for (size_t i = 0; i < r->n; i++)
        names += i == 0 || strcmp(r->v[i].name, r->v[i - 1].name) != 0;
    return names <= RULES_MOST_NAMES;
}

/* One line; *column is where the fault is. */
static bool read_line(struct rules *r, char *line, size_t n, int *column, const char **why)
{
    static const char *const faults[] = {"bad escape", "too many words",
                                         "a byte that must be escaped"};
    struct word w[WORDS];
    struct reading d = {.r = r, .w = w};
    char *comment;
    *column = 1;
    d.n = word_split(line, n, w, WORDS, &comment);
    if (d.n < 0) {
        *why = faults[-d.n - 1];
        return false;
    }
    if (d.n == 0 || read_words(&d))
        return true;
    *why = d.why;
    *column = (int)(w[d.wrong].s - line) + 1;
    return false;
}

static int fail(struct rules *r)
{
    rules_free(r);
    return -1;
}

int rules_read(struct rules *r, char *text, size_t size, int *line, int *column, const char **why)
{
    size_t head = strlen(RULES_HEADER);
    *r = (struct rules){.text = text,
                        .app = "",
                        .log = LOG_REFUSED,
                        .limits = relay_usual_limits,
                        .message_most = WIRE_SIZE_MOST,
                        .pending_most = 16384,
                        .matches_most = 4096};
    *line = *column = 1;
    *why = "the rules are too long";
    if (size > RULES_MOST_BYTES)
        return fail(r);
    *why = "the first line is not \"" RULES_HEADER "\"";
    if (size < head || memcmp(text, RULES_HEADER, head) != 0 || (size > head && text[head] != '\n'))
        return fail(r);
    for (size_t at = head + 1; at < size;) {
        char *s = text + at, *newline = memchr(s, '\n', size - at);
        size_t n = newline ? (size_t)(newline - s) : size - at;
        ++*line;
        if (!read_line(r, s, n, column, why))
            return fail(r);
        at += n + 1;
    }
    if (r->n)
        qsort(r->v, r->n, sizeof *r->v, by_name);
    *why = "rules for too many names";
    return few_names(r) ? 0 : fail(r);
}

void rules_free(struct rules *r)
{
    free(r->text);
    free(r->v);
    *r = (struct rules){0};
}
