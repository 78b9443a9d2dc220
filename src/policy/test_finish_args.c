/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/test_help.h"
#include "util/file.h"
#include "util/str.h"

static void check_args(const char *text, const char *written, const char *told, int line)
{
    struct trial t;
    trial_begin(&t);
    policy_merge_finish_args(&t.p, "f", text, strlen(text), &t.d);
    t_check_str(trial_told(&t), told, __FILE__, line, text);
    t_check_str(trial_written(&t), written, __FILE__, line, text);
    trial_end(&t);
}

#define ARGS(text, written, told) check_args((text), (written), (told), __LINE__)
/* All the good samples below say the same. */
#define GOOD                "[Context]\nshared=network;\nsockets=wayland;\n[Environment]\nA=b c\n"
#define SAME(text)          ARGS(text, GOOD, "")
#define NOTHING(text, told) ARGS(text, "", told)

static void json(void)
{
    SAME("{\"finish-args\":[\"--share=network\",\"--socket=wayland\",\"--env=A=b c\"]}");
    SAME("{\n \"id\": \"org.x.Y\", \"n\": -1.5e3, \"t\": true, \"z\": null,\n"
         " \"modules\": [{\"finish-args\": [\"--share=ipc\"], \"x\": {\"y\": [[]]}}],\n"
         " \"finish-args\": [\n  \"--share=network\",\n  \"--socket=wayland\",\n"
         "  \"--env=A=b c\"\n ],\n \"command\": \"x\"\n}\n");
    SAME("// comment\n/* another\n */ { /* here */ \"finish-args\" : // there\n"
         "[ \"--share=network\" /* , */, // x\n \"--socket=wayland\", \"--env=A=b\\u0020c\", ], }");
    SAME("[\"--share=network\", \"\\u002d-socket=wayland\", \"--env=A=b c\"]\n");
    ARGS("{\"finish-args\":[\"--env=A=\\u00e4\\ud83d\\ude00\\\"\\\\\\/\\t\"]}",
         "[Environment]\nA=ä😀\"\\\\/\\t\n", "");
    NOTHING("{\"finish-args\":[]}", "");
}

static void broken_json(void)
{
    NOTHING("{\"id\":\"x\"}", "f:1:11: error: there is no \"finish-args\" in the manifest\n"
                              "  hint: is this the right file?\n");
    NOTHING("{\"finish-args\":\"--share=network\"}",
            "f:1:16: error: finish-args is no list\n"
            "  hint: write \"finish-args\": [\"--share=network\", …]\n");
    NOTHING("{\"finish-args\":[1]}",
            "f:1:17: error: a string in double quotes should stand here\n");
    NOTHING("{\"finish-args\":[\"--no-desktop\" \"x\"]}",
            "f:1:32: error: a ',' or ']' should stand here\n");
    NOTHING("{\"finish-args\":[\"--x\n\"]}",
            "f:1:17: error: the string is not closed on its line\n");
    NOTHING("{\"finish-args\":[\"--x", "f:1:17: error: the string is not closed on its line\n");
    NOTHING("{\"finish-args\":[\"\\q\"]}",
            "f:1:19: error: there is an unknown escape in the string\n");
    NOTHING("{\"finish-args\":[\"\\u0000\"]}",
            "f:1:24: error: there is a bad \\u escape in the string\n");
    NOTHING("{\"finish-args\":[\"\\ud800\"]}",
            "f:1:24: error: there is a bad \\u escape in the string\n");
    NOTHING("{\"a\":[}]", "f:1:7: error: a JSON value should stand here\n");
    NOTHING("{\"a\" 1}", "f:1:6: error: a ':' should stand here\n");
    NOTHING("{\"a\":1 \"b\":2}", "f:1:8: error: a ',' or '}' should stand here\n");
    NOTHING("{\"a\":1", "f:1:7: error: a ',' or '}' should stand here\n");
    NOTHING("{ /* x", "f:1:3: error: the comment is not closed\n");
    NOTHING("{\"finish-args\":[]} x", "f:1:20: error: there is text behind the manifest\n");
    struct trial t;
    trial_begin(&t);
    struct buf deep = {.arena = &t.arena};
    buf_str(&deep, "{\"a\":");
    for (int i = 0; i < 5000; i++)
        buf_char(&deep, '[');
    NOTHING(deep.data, "f:1:70: error: the manifest is nested too deeply\n");
    trial_end(&t);
}

static void yaml(void)
{
    SAME("id: org.x.Y\nfinish-args:\n  - --share=network\n  - --socket=wayland\n"
         "  - --env=A=b c\nmodules:\n  - --share=ipc\n");
    SAME("---\n# comment\nbuild:\n- --share=ipc\nfinish-args: # why\n- --share=network # x\n\n"
         "# y\n- \"--socket=wayland\"   # z\n    # w\n- '--env=A=b c'\ncommand: x\n");
    SAME("'finish-args' :\r\n    - --share=network\r\n    - '--socket=wayland'\r\n"
         "    - --env=A=b\r\n       c\r\n");
    SAME("finish-args: [--share=network, \"--socket=wayland\", '--env=A=b c']\n");
    SAME("finish-args: [ # x\n  --share=network,\n  --socket=wayland, --env=A=b c,\n ] # y\n"
         "command: x\n");
    SAME("- --share=network\n- --socket=wayland\n- --env=A=b c\n");
    SAME("# x\n\n- \"--share=network\"\n- --socket=wayland\n- \"--env=A=\\x62 \\u0063\"");
    SAME("finish-args:\n -\n  --share=network\n - --socket=wayland\n - --env=A=b c");
    ARGS("finish-args:\n  - --env=A='x'#\"y\"\n  - '--env=B=it''s'\n  - \"--env=C=\\\"\\t\"\n",
         "[Environment]\nA='x'#\"y\"\nB=it's\nC=\"\\t\n", "");
    NOTHING("finish-args: []\n", "");
    NOTHING("finish-args:\ncommand: x\n", "");
    NOTHING("finish-args:\n", "");
    NOTHING("finish-args:", "");
}

static void broken_yaml(void)
{
#define FORM_HINT "  hint: put the entry in quotes\n"
    NOTHING("id: org.x.Y\nmodules:\n  - finish-args\n",
            "f:4:1: error: there are no finish-args in it\n"
            "  hint: give a manifest with finish-args, or options such as --share=network\n");
    NOTHING("finish-args: --share=network\n",
            "f:1:14: error: finish-args is no list\n"
            "  hint: write the entries below it, each on a line that begins with \"- \"\n");
    NOTHING("finish-args: *anchor\n",
            "f:1:14: error: finish-args is no list\n"
            "  hint: write the entries below it, each on a line that begins with \"- \"\n");
    NOTHING("finish-args:\n  - *x\n",
            "f:2:5: error: this form of YAML is not understood here\n" FORM_HINT);
    NOTHING("finish-args:\n  - >-\n    --share=network\n",
            "f:2:5: error: this form of YAML is not understood here\n" FORM_HINT);
    NOTHING("finish-args:\n  - --env=A: b\n",
            "f:2:12: error: a ':' before a blank makes a mapping\n" FORM_HINT);
    NOTHING("finish-args:\n  - \"--x\n", "f:2:5: error: the quote is not closed on its line\n"
                                         "  hint: write it on one line\n");
    NOTHING("finish-args:\n  - '--no-desktop' x\n",
            "f:2:20: error: there is text behind the entry\n"
            "  hint: put the whole entry in quotes\n");
    NOTHING("finish-args:\n  - \"\\q\"\n",
            "f:2:8: error: there is an unknown escape in the string\n");
    NOTHING("finish-args:\n  -\n", "f:2:4: error: the list has an empty entry\n");
    NOTHING("finish-args:\n\t- --x\n", "f:2:1: error: YAML is not indented with tabs\n"
                                       "  hint: indent with blanks\n");
    NOTHING("finish-args:\n  --share=network\n", "f:2:3: error: this is no entry of a list\n"
                                                 "  hint: each entry begins with \"- \"\n");
    NOTHING("finish-args: [--no-desktop\n", "f:2:1: error: a ',' or ']' should stand here\n");
    NOTHING("finish-args: [\n", "f:2:1: error: the list is not closed, or has an empty entry\n");
    NOTHING("finish-args: [] x\n", "f:1:17: error: there is text behind the entry\n"
                                   "  hint: put the whole entry in quotes\n");
}

static void plain(void)
{
    SAME("--share=network --socket=wayland '--env=A=b c'\n");
    SAME("# why\n--share=network\n--socket=wayland # that\n\n--env=A=\"b c\"");
    SAME("--share=network \\\n  --socket=wayland \\\n  --env=A=b\\ c\r\n");
    SAME("'--share=network' --socket=way'land' --env=A=\"b\"\\ \"c\"\n");
    SAME("\"--share=network\" --socket=wayland --env=\"A=b c\"\n");
    NOTHING("--env='A=b\n'", "f:1:7: error: the quote is not closed on its line\n");
}

static void empty(void)
{
#define EMPTY_HINT "  hint: give a manifest, or options such as --share=network\n"
    NOTHING("", "f:1:1: error: there is nothing in it\n" EMPTY_HINT);
    NOTHING("# x\n", "f:1:1: error: there is nothing in it\n" EMPTY_HINT);
    NOTHING("\xff", "f:1:1: error: the byte 0xff is not UTF-8\n"
                    "  hint: policies are UTF-8 text; convert the file with iconv(1)\n");
}

static void odd_arguments(void)
{
    NOTHING("--shar=network",
            "f:1:1: error: \"--shar=network\" is no option\n  hint: did you mean --share?\n");
    NOTHING("--quantum=network",
            "f:1:1: warning: \"--quantum=network\" is no option that is known; it has no effect\n"
            "  hint: a finish-args entry looks like --share=network\n");
    NOTHING("--no-desktop\n  network\n",
            "f:2:3: error: \"network\" is no option\n"
            "  hint: a finish-args entry looks like --share=network\n");
    ARGS("--share=quantum\n", "[Context]\nshared=quantum;\n",
         "f:1:1: warning: \"quantum\" is no word of shared; it has no effect\n"
         "  hint: known: network, ipc\n");
    ARGS("finish-args:\n  - --filesystem=/x/../y\n  - --filesystem=/z\n",
         "[Context]\nfilesystems=/z;\n",
         "f:2:5: error: \"/x/../y\" holds \"..\"\n  hint: write the path without it\n");
}

static void places(void)
{
    struct trial t;
    static const char text[] = "finish-args:\n  - --share=network\n  - --filesystem=home\n";
    trial_begin(&t);
    policy_merge_finish_args(&t.p, "m.yml", text, strlen(text), &t.d);
    CHECK_STR(place_text_of(&t.arena, policy_perm(&t.p, PERM_SHARED, "network")->at), "m.yml:2");
    CHECK_STR(place_text_of(&t.arena, t.p.filesystems[0].at), "m.yml:3");
    CHECK_INT(t.p.filesystems[0].rank, POLICY_RANK_OPTIONS);
    trial_end(&t);
}

static const char *rows_path;

/* Each line is what one app on Flathub asks for. */
static void real_finish_args(void)
{
    struct trial t;
    int rows = 0;
    trial_begin(&t);
    struct buf all = {.arena = &t.arena};
    CHECK_INT(file_read(rows_path, POLICY_MAX_BYTES, &all), 0);
    for (char *line = all.data; line && *line; rows++) {
        char *end = strchr(line, '\n');
        size_t n = end ? (size_t)(end - line) : strlen(line);
        struct policy p = {.arena = &t.arena};
        if (*line == '#') {
            rows--;
        } else {
            policy_merge_finish_args(&p, "row", line, n, &t.d);
            CHECK_INT(p.perms[PERM_SHARED].n > 0, 1);
        }
        line = end ? end + 1 : NULL;
    }
    CHECK_INT(rows, 24);
    CHECK_STR(trial_told(&t), "");
    trial_end(&t);
}

int main(int argc, char **argv)
{
    rows_path = argc > 1 ? argv[1] : "";
    RUN(json);
    RUN(broken_json);
    RUN(yaml);
    RUN(broken_yaml);
    RUN(plain);
    RUN(empty);
    RUN(odd_arguments);
    RUN(places);
    RUN(real_finish_args);
    return t_done();
}
