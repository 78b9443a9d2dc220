/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/keyfile.h"
#include "policy/test_help.h"

/* Reads a key file and gives it back as "[group@line]key@line:col=value@line:col|…". */
static const char *outline(struct trial *t, const char *text, size_t size)
{
    struct source s = {.p = &t->p, .d = &t->d};
    struct keyfile k = {0};
    struct buf out = {.arena = &t->arena};
    buf_bytes(&out, "", 0);
    keyfile_read(&k, &s, "f", text, size);
    for (size_t i = 0; i < k.n; i++) {
        buf_printf(&out, "[%s@%d]", k.v[i].name, k.v[i].at.line);
        for (size_t e = 0; e < k.v[i].n; e++) {
            const struct kf_entry *v = &k.v[i].v[e];
            buf_printf(&out, "%s%s%s@%d:%d=%s@%d:%d|", v->key, v->locale ? "/" : "",
                       v->locale ? v->locale : "", v->key_at.line, v->key_at.col, v->value,
                       v->at.line, v->at.col);
        }
    }
    return out.data;
}

static void check_outline(const char *text, size_t size, const char *want, const char *told,
                          int line)
{
    struct trial t;
    trial_begin(&t);
    t_check_str(outline(&t, text, size), want, __FILE__, line, "outline");
    t_check_str(trial_told(&t), told, __FILE__, line, "told");
    trial_end(&t);
}

#define OUTLINE(text, want, told) check_outline((text), sizeof(text) - 1, (want), (told), __LINE__)

static void reads_groups_and_keys(void)
{
    OUTLINE("", "", "");
    OUTLINE("\n\n# only a comment\n", "", "");
    OUTLINE("[A]\nk=v\n[B]\nx=y\n", "[A@1]k@2:1=v@2:3|[B@3]x@4:1=y@4:3|", "");
    OUTLINE("[A]\nk=v", "[A@1]k@2:1=v@2:3|", "");
    OUTLINE("[A]\r\nk=v\r\n\r\n", "[A@1]k@2:1=v@2:3|", "");
    OUTLINE("[A]\n  k  =  v\n", "[A@1]k@2:3=v@2:9|", "");
    OUTLINE("  [A]  \nk=\n", "[A@1]k@2:1=@2:3|", "");
    OUTLINE("[A]\nk=a=b\n", "[A@1]k@2:1=a=b@2:3|", "");
    OUTLINE("[A b]\n# c\n  # d\nk=v\n", "[A b@1]k@4:1=v@4:3|", "");
}

static void counts_columns_in_characters(void)
{
    OUTLINE("[A]\nä=ö\n", "[A@1]ä@2:1=ö@2:3|", "");
}

static void reads_locales(void)
{
    OUTLINE("[A]\nName[de]=x\nName=y\n", "[A@1]Name/de@2:1=x@2:10|Name@3:1=y@3:6|", "");
    OUTLINE("[A]\n[de]=x\n", "[A@1]",
            "f:2:1: error: there is text behind the group's ']'\n"
            "  hint: a group is one line: [Name]\n");
    OUTLINE("[A]\nName[=x\n", "[A@1]",
            "f:2:1: error: there is no usable key before the '='\n"
            "  hint: a line is key=value, key[language]=value or [Group]\n");
}

static void merges_what_stands_twice(void)
{
    OUTLINE("[A]\nk=1\nl=2\n[B]\n[A]\nk=3\n", "[A@1]l@3:1=2@3:3|k@6:1=3@6:3|[B@4]", "");
}

static void refuses_broken_lines(void)
{
    OUTLINE("k=v\n[A]\n", "[A@2]",
            "f:1:1: error: there is a key before the first [group]\n"
            "  hint: begin the file with a group such as [Context]\n");
    OUTLINE("[A]\nnonsense\n", "[A@1]",
            "f:2:1: error: this is neither a key with its value nor a group\n"
            "  hint: a line is key=value, [Group] or a # comment\n");
    OUTLINE("[A]\n; old style\n", "[A@1]",
            "f:2:1: error: this is neither a key with its value nor a group\n"
            "  hint: a comment begins with #\n");
    OUTLINE("[A]\n=v\n", "[A@1]",
            "f:2:1: error: there is no usable key before the '='\n"
            "  hint: a line is key=value, key[language]=value or [Group]\n");
    OUTLINE("[A]\nk=v \n", "[A@1]k@2:1=v@2:3|",
            "f:2:4: warning: the blank at the end of the line is left out\n"
            "  hint: write \\s for a blank that belongs to the value\n");
}

static void keys_below_a_broken_header_go_nowhere(void)
{
    OUTLINE("[A]\nk=1\n[B\nk=2\n[C]\nk=3\n", "[A@1]k@2:1=1@2:3|[C@5]k@6:1=3@6:3|",
            "f:3:1: error: the group has no ']'\n  hint: a group is one line: [Name]\n");
    OUTLINE("[]\nk=2\n", "",
            "f:1:1: error: \"\" is no name of a group\n  hint: a group is one line: [Name]\n");
}

static void refuses_what_is_no_text(void)
{
    OUTLINE("[A]\nk=\0v\n", "",
            "f:2:3: error: there is a NUL byte\n  hint: is this really a text file?\n");
    OUTLINE("[A]\nkä=\xff\n", "",
            "f:2:4: error: the byte 0xff is not UTF-8\n"
            "  hint: policies are UTF-8 text; convert the file with iconv(1)\n");
    OUTLINE("\xef\xbb\xbf[A]\n", "",
            "f:1:1: error: the file begins with a byte order mark\n"
            "  hint: save the file without one\n");
    OUTLINE("[A]\nk=a\x1b[m\n", "[A@1]",
            "f:2:4: error: the control character 0x1b has no place here\n"
            "  hint: is this really a text file?\n");
}

static void refuses_what_is_too_large(void)
{
    struct trial t;
    trial_begin(&t);
    size_t size = POLICY_MAX_BYTES + 1;
    char *text = arena_alloc(&t.arena, size);
    memset(text, '\n', size);
    CHECK_STR(outline(&t, text, size), "");
    CHECK_STR(trial_told(&t), "f: error: the file is larger than 1048576 bytes\n"
                              "  hint: is this really a policy?\n");
    CHECK_STR(outline(&t, text, size - 1), "");
    CHECK_STR(trial_told(&t), "");
    trial_end(&t);
}

static void bounds_what_is_told_and_kept(void)
{
    struct trial t;
    trial_begin(&t);
    struct buf text = {.arena = &t.arena};
    for (int i = 0; i < 1000; i++)
        buf_str(&text, "junk\n");
    outline(&t, text.data, text.len);
    CHECK_INT(t.d.n, SOURCE_MAX_SHOWN + 1);
    CHECK_INT(t.d.errors, SOURCE_MAX_SHOWN + 1);
    trial_told(&t);

    text.len = 0;
    buf_str(&text, "[A]\n");
    for (int i = 0; i < KF_MAX_ENTRIES + 10; i++)
        buf_printf(&text, "k%d=v\n", i);
    outline(&t, text.data, text.len);
    CHECK_STR(trial_told(&t), "f:4002:1: error: more than 4000 keys\n");

    text.len = 0;
    for (int i = 0; i < KF_MAX_GROUPS + 10; i++)
        buf_printf(&text, "[G%d]\n", i);
    outline(&t, text.data, text.len);
    CHECK_STR(trial_told(&t), "f:1001:1: error: more than 1000 groups\n");
    trial_end(&t);
}

/* A list given back as "item@col|…". */
static void check_list(const char *value, const char *want, const char *told, int line)
{
    struct trial t;
    trial_begin(&t);
    struct source s = {.p = &t.p, .d = &t.d};
    struct kf_item *items;
    struct buf out = {.arena = &t.arena};
    buf_bytes(&out, "", 0);
    size_t n = kf_list(&s, value, (struct place){.file = "f", .line = 1, .col = 1}, &items);
    for (size_t i = 0; i < n; i++)
        buf_printf(&out, "%s@%d|", items[i].text, items[i].at.col);
    t_check_str(out.data, want, __FILE__, line, value);
    t_check_str(trial_told(&t), told, __FILE__, line, value);
    trial_end(&t);
}

#define LIST(value, want, told) check_list((value), (want), (told), __LINE__)

static void splits_lists(void)
{
    LIST("", "", "");
    LIST(";", "", "");
    LIST("a", "a@1|", "");
    LIST("a;b", "a@1|b@3|", "");
    LIST("a;b;", "a@1|b@3|", "");
    LIST("a;;b", "a@1|b@4|", "");
    LIST(" a ; b ", "a@2|b@6|", "");
    LIST("a\\;b;c", "a;b@1|c@6|", "");
    LIST("ä;\\sb\\t;c\\\\;d", "ä@1| b\t@3|c\\@9|d@13|", "");
}

static void tells_of_bad_escapes(void)
{
    LIST("a;b\\xc;d", "a@1|d@8|",
         "f:1:4: error: the escape \"\\x\" is unknown\n"
         "  hint: known escapes: \\s (blank) \\n \\t \\r \\\\ \\;\n");
    LIST("a;/b\\:c", "a@1|",
         "f:1:5: error: the escape \"\\:\" is unknown\n"
         "  hint: in a key file the '\\' is doubled: write \\\\: for a ':' that belongs to the "
         "path\n");
    LIST("a\\", "",
         "f:1:2: error: there is a lone '\\' at the end of the value\n"
         "  hint: known escapes: \\s (blank) \\n \\t \\r \\\\ \\;\n");
    LIST("a; # why", "a@1|",
         "f:1:4: error: a comment can not stand behind a value\n"
         "  hint: give the comment a line of its own\n");
}

static void escaping_is_undone_by_reading(void)
{
    static const char *const values[] = {"", "a", " a b ", "a;b", "\\", "\t\n\r", "ä\\;;\\s"};
    struct trial t;
    trial_begin(&t);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct buf out = {.arena = &t.arena};
        buf_bytes(&out, "", 0);
        kf_escape(&out, values[i], true);
        char plain[64];
        CHECK_INT(kf_item_length(out.data), out.len);
        CHECK_INT(kf_unescape(out.data, out.len, plain), 0);
        CHECK_STR(plain, values[i]);
    }
    trial_end(&t);
}

int main(void)
{
    RUN(reads_groups_and_keys);
    RUN(counts_columns_in_characters);
    RUN(reads_locales);
    RUN(merges_what_stands_twice);
    RUN(refuses_broken_lines);
    RUN(keys_below_a_broken_header_go_nowhere);
    RUN(refuses_what_is_no_text);
    RUN(refuses_what_is_too_large);
    RUN(bounds_what_is_told_and_kept);
    RUN(splits_lists);
    RUN(tells_of_bad_escapes);
    RUN(escaping_is_undone_by_reading);
    return t_done();
}
