/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/keywords.h"
#include "policy/options.h"
#include "policy/test_help.h"
#include "util/file.h"
#include "util/str.h"

static const char *manual_path;

static void rows_are_sound(void)
{
    for (size_t i = 0; i < n_keywords; i++) {
        const struct keyword *k = &keywords[i];
        CHECK(k->name && *k->name && k->meaning && *k->meaning);
        for (size_t m = 0; m < i; m++)
            if (keywords[m].kind == k->kind && str_eq(keywords[m].in, k->in) &&
                str_eq(keywords[m].name, k->name))
                CHECK_STR(k->name, "once only");
        if (k->type == VALUE_INTEGER)
            CHECK(k->least < k->most);
    }
}

/* Each key and word stands in something that there is. */
static void rows_have_their_places(void)
{
    for (size_t i = 0; i < n_keywords; i++) {
        const struct keyword *k = &keywords[i];
        const char *slash = strchr(k->in, '/');
        bool found = str_eq(k->in, "") || str_eq(k->in, "condition") || str_eq(k->in, "mode") ||
                     str_eq(k->in, "bus");
        for (size_t m = 0; m < n_keywords; m++) {
            const struct keyword *o = &keywords[m];
            if (k->kind == KEYWORD_WORD && slash && o->kind == KEYWORD_KEY)
                found |= str_after(k->in, o->in) && str_eq(slash + 1, o->name);
            else if (k->kind != KEYWORD_WORD)
                found |= o->kind == KEYWORD_GROUP && str_eq(k->in, o->name);
        }
        if (!found)
            CHECK_STR(k->in, k->name);
    }
}

/* Every key of ours has a default that its own check accepts. */
static void defaults_are_valid(void)
{
    int seen = 0;
    for (size_t i = 0; i < n_keywords; i++) {
        const struct keyword *k = &keywords[i];
        struct trial t;
        if (k->kind != KEYWORD_KEY || k->type == VALUE_OTHER)
            continue;
        CHECK(k->def != NULL);
        trial_begin(&t);
        trial_file(&t, arena_printf(&t.arena, "[%s]\n%s=%s\n", k->in, k->name, k->def));
        CHECK_STR(trial_told(&t), "");
        CHECK(policy_carrel(&t.p, k->in, k->name) != NULL);
        trial_end(&t);
        seen++;
    }
    CHECK(seen >= 11);
}

/* Every word of a permission is known on the command line too. */
static void every_word_is_accepted(void)
{
    static const struct {
        const char *in, *option;
    } kinds[] = {{"Context/shared", "--share"},
                 {"Context/sockets", "--socket"},
                 {"Context/devices", "--device"},
                 {"Context/features", "--allow"},
                 {"Context/filesystems", "--filesystem"}};
    for (size_t i = 0; i < n_keywords; i++) {
        for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
            struct trial t;
            if (keywords[i].kind != KEYWORD_WORD || !str_eq(keywords[i].in, kinds[k].in))
                continue;
            trial_begin(&t);
            const char *rest = str_eq(keywords[i].name, "xdg-run") ? "/x" : "";
            CHECK_INT(trial_option(&t, arena_printf(&t.arena, "%s=%s%s", kinds[k].option,
                                                    keywords[i].name, rest)),
                      1);
            CHECK_STR(trial_told(&t), "");
            trial_end(&t);
        }
    }
}

static void hints(void)
{
    struct arena a = {0};
    CHECK_STR(keyword_nearest(KEYWORD_WORD, "Context/sockets", "waylnd"), "wayland");
    CHECK_STR(keyword_nearest(KEYWORD_WORD, "Context/devices", "waylnd"), NULL);
    CHECK_STR(keyword_hint(&a, KEYWORD_WORD, "mode", "or"), "known: ro, rw, create");
    CHECK_STR(keyword_hint(&a, KEYWORD_WORD, "nowhere", "x"), NULL);
    CHECK(keyword_group_passed("X-DConf") && keyword_group_passed("Extension a"));
    CHECK(!keyword_group_passed("X") && !keyword_group_passed("Extension ") &&
          !keyword_group_passed("Context") && !keyword_group_passed(""));
    arena_release(&a);
}

/* How a word stands in the manual's source, where '_' and '*' are markup. */
static bool in_manual(const char *manual, const char *word)
{
    char plain[90], escaped[80];
    size_t n = 0;
    for (const char *p = word; *p && n + 2 < sizeof escaped; p++) {
        if (*p == '_' || *p == '*')
            escaped[n++] = '\\';
        escaped[n++] = *p;
    }
    escaped[n] = '\0';
    snprintf(plain, sizeof plain, "*%s*", escaped);
    return strstr(manual, plain) != NULL;
}

static void the_manual_has_every_word(void)
{
    struct arena a = {0};
    struct buf manual = {.arena = &a};
    CHECK_INT(file_read(manual_path, POLICY_MAX_BYTES, &manual), 0);
    CHECK(manual.len > 1000 && !in_manual(manual.data, "no-such-word"));
    for (size_t i = 0; manual.data && i < n_keywords; i++) {
        const char *name = keywords[i].name;
        if (keywords[i].kind == KEYWORD_GROUP || keywords[i].kind == KEYWORD_PASSED_GROUP)
            name = arena_printf(&a, "[%s]", name);
        if (!in_manual(manual.data, name))
            CHECK_STR(name, "in the manual");
    }
    for (size_t i = 0; manual.data && i < n_policy_options; i++) {
        const char *name = arena_printf(&a, "--%s%s", policy_options[i].name,
                                        policy_options[i].argument ? "=" : "");
        if (!in_manual(manual.data, name))
            CHECK_STR(name, "in the manual");
    }
    arena_release(&a);
}

int main(int argc, char **argv)
{
    manual_path = argc > 1 ? argv[1] : "";
    RUN(rows_are_sound);
    RUN(rows_have_their_places);
    RUN(defaults_are_valid);
    RUN(every_word_is_accepted);
    RUN(hints);
    RUN(the_manual_has_every_word);
    return t_done();
}
