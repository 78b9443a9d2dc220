/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The policies that are shipped (the arguments): each is read without a word of complaint, and a
 * grant that carrel check calls dangerous has a comment directly above it that says why it is
 * there.
 */
#include "policy/lint.h"
#include "policy/test_help.h"
#include "util/file.h"
#include "util/str.h"

/* The beginning of line n (from 1) of text, or NULL. */
static const char *line_of(const char *text, int n)
{
    for (; n > 1 && text; n--) {
        text = strchr(text, '\n');
        text += text ? 1 : 0;
    }
    return n == 1 ? text : NULL;
}

/* Faults of one policy, one a line: "" when there are none. */
static const char *faults(struct trial *t, const char *text)
{
    struct buf out = {.arena = &t->arena};
    buf_bytes(&out, "", 0);
    policy_merge_text(&t->p, LAYER_USER, "policy", text, strlen(text), &t->d);
    buf_str(&out, trial_told(t));
    policy_lint(&t->p, "/home/anna", &t->d);
    for (size_t i = 0; i < t->d.n; i++) {
        const char *above = line_of(text, t->d.v[i].at.line - 1);
        if (!above || *above != '#')
            buf_printf(&out, "line %d: no reason is given for %s\n", t->d.v[i].at.line,
                       t->d.v[i].message);
    }
    return out.data;
}

static void check_text(const char *text, const char *file, bool good)
{
    struct trial t;
    trial_begin(&t);
    const char *found = faults(&t, text);
    if (good)
        t_check_str(found, "", file, 0, file);
    else
        CHECK(*found);
    trial_end(&t);
}

static char **files;

static void shipped_policies_are_clean_and_explained(void)
{
    CHECK(files[0]);
    for (char **file = files; *file; file++) {
        struct arena arena = {0};
        struct buf text = {.arena = &arena};
        int r = file_read(*file, POLICY_MAX_BYTES, &text);
        CHECK(r >= 0);
        if (r >= 0)
            check_text(text.data, *file, true);
        arena_release(&arena);
    }
}

static void faults_are_found(void)
{
    check_text("[Context]\n# Sound is the point.\nsockets=pulseaudio;\n[Carrel Sound]\n# All of "
               "it.\nsound=host\n",
               "control", true);
    check_text("[Context]\nsockets=pulseaudio;\n[Carrel Sound]\nsound=host\n", "control", false);
    check_text("[Context]\n# Everything.\n\nfilesystems=home;\n", "control", false);
    check_text("[Context]\n# Misspelt.\nshared=netwrok;\n", "control", false);
    check_text("[Contxt]\n# A group that there is not.\nshared=network;\n", "control", false);
}

int main(int argc, char **argv)
{
    files = argv + (argc > 0);
    RUN(faults_are_found);
    RUN(shipped_policies_are_clean_and_explained);
    return t_done();
}
