/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/test_help.h"

/* Sockets after up to three layers (NULL: none), as policy_write gives them. */
static void check_sockets(const char *const layers[3], const char *want, int line)
{
    struct trial t;
    trial_begin(&t);
    for (int i = 0; i < 3 && layers[i]; i++)
        trial_file(&t, arena_printf(&t.arena, "[Context]\nsockets=%s\n", layers[i]));
    t_check_str(trial_told(&t), "", __FILE__, line, "told");
    t_check_str(trial_written(&t), arena_printf(&t.arena, "[Context]\nsockets=%s\n", want),
                __FILE__, line, layers[0]);
    trial_end(&t);
}

#define SOCKETS(want, ...) check_sockets((const char *const[3]){__VA_ARGS__}, (want), __LINE__)

static void words_of_one_file(void)
{
    SOCKETS("x11;", "x11");
    SOCKETS("!x11;", "!x11");
    SOCKETS("!x11;", "x11;!x11");
    SOCKETS("x11;", "!x11;x11");
    SOCKETS("x11;wayland;", "x11;wayland");
}

static void conditions_of_one_file(void)
{
    SOCKETS("!x11;if:x11:has-wayland;", "if:x11:has-wayland");
    SOCKETS("!x11;if:x11:!has-wayland;", "if:x11:!has-wayland");
    SOCKETS("!x11;if:x11:has-wayland;if:x11:true;", "if:x11:has-wayland;if:x11:true");
    SOCKETS("!x11;if:x11:true;", "if:x11:true;if:x11:true");
}

static void a_plain_word_before_a_condition_is_a_marker(void)
{
    SOCKETS("!x11;if:x11:true;", "x11;if:x11:true");
    SOCKETS("x11;", "if:x11:true;x11");
    SOCKETS("x11;", "x11;if:x11:true;x11");
    SOCKETS("!x11;if:x11:true;if:x11:false;", "if:x11:true;x11;if:x11:false");
    SOCKETS("!x11;if:x11:true;", "x11;!x11;if:x11:true");
    SOCKETS("!x11;", "if:x11:true;!x11");
}

static void upper_layers_decide(void)
{
    SOCKETS("!x11;", "x11", "!x11");
    SOCKETS("x11;", "!x11", "x11");
    SOCKETS("x11;", "if:x11:false", "x11");
    SOCKETS("!x11;", "if:x11:true", "!x11");
    SOCKETS("x11;", "x11", "!x11", "x11");
}

static void conditions_add_up_unless_reset(void)
{
    SOCKETS("!x11;if:x11:true;if:x11:false;", "if:x11:true", "if:x11:false");
    SOCKETS("!x11;if:x11:false;", "if:x11:true", "!x11;if:x11:false");
    SOCKETS("!x11;if:x11:false;", "if:x11:true", "!x11;x11;if:x11:false");
    SOCKETS("!x11;if:x11:true;if:x11:false;", "if:x11:true", "x11;if:x11:false");
}

static void a_condition_narrows_a_lower_grant(void)
{
    SOCKETS("!x11;if:x11:has-wayland;", "x11", "if:x11:has-wayland");
}

static void deciding_x11_drops_a_lower_fallback(void)
{
    SOCKETS("!fallback-x11;wayland;!x11;", "fallback-x11;wayland", "!x11");
    SOCKETS("!fallback-x11;x11;", "fallback-x11", "x11");
    SOCKETS("fallback-x11;!x11;if:x11:true;", "fallback-x11", "if:x11:true");
    SOCKETS("fallback-x11;!x11;", "fallback-x11", "!x11;fallback-x11");
    SOCKETS("fallback-x11;!x11;", "fallback-x11;!x11");
}

static void unknown_words(void)
{
    CHECK_FILE("[Context]\nshared=netwrok\n", "[Context]\nshared=netwrok;\n",
               "f1:2:8: warning: \"netwrok\" is no word of shared; it has no effect\n"
               "  hint: did you mean \"network\"?\n");
    CHECK_FILE("[Context]\ndevices=quantum\n", "[Context]\ndevices=quantum;\n",
               "f1:2:9: warning: \"quantum\" is no word of devices; it has no effect\n"
               "  hint: known: dri, input, usb, kvm, shm, all\n");
    CHECK_FILE("[Context]\nshared=ipc;!netwrok\n", "[Context]\nshared=ipc;\n",
               "f1:2:12: error: \"netwrok\" is no word of shared\n"
               "  hint: did you mean \"network\"?\n");
    CHECK_FILE("[Context]\ndevices=!quantum\n", "",
               "f1:2:9: warning: \"quantum\" is no word of devices; it has no effect\n"
               "  hint: known: dri, input, usb, kvm, shm, all\n");
    CHECK_FILE("[Context]\nsockets=if:x11:has-waylan\n",
               "[Context]\nsockets=!x11;if:x11:has-waylan;\n",
               "f1:2:9: warning: \"has-waylan\" is no condition that is known; it is never met\n"
               "  hint: did you mean \"has-wayland\"?\n");
}

static void malformed_words(void)
{
#define NAME_HINT "  hint: write NAME, !NAME or if:NAME:CONDITION\n"
#define IF_HINT   "  hint: write if:NAME:CONDITION or if:NAME:!CONDITION\n"
    static const char *const cases[][2] = {
        {"!", "\"!\" is no permission\n" NAME_HINT},
        {"!!x11", "\"!!x11\" is no permission\n" NAME_HINT},
        {"x11:ro", "\"x11:ro\" is no permission\n" NAME_HINT},
        {"x 11", "\"x 11\" is no permission\n" NAME_HINT},
        {"!if:x11:true", "\"!if:x11:true\" is no permission\n" NAME_HINT},
        {"if:x11", "\"if:x11\" is no conditional permission\n" IF_HINT},
        {"if:", "\"if:\" is no conditional permission\n" IF_HINT},
        {"if::true", "\"if::true\" is no conditional permission\n" IF_HINT},
        {"if:x11:", "\"if:x11:\" is no conditional permission\n" IF_HINT},
        {"if:x11:!", "\"if:x11:!\" is no conditional permission\n" IF_HINT},
        {"if:!x11:true", "\"if:!x11:true\" is no conditional permission\n" IF_HINT},
        {"if:fallback-x11:true", "fallback-x11 can not be conditional, it is a condition itself\n"
                                 "  hint: write if:x11:CONDITION\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[100], told[300];
        snprintf(text, sizeof text, "[Context]\nsockets=wayland;%s;cups\n", cases[i][0]);
        snprintf(told, sizeof told, "f1:2:17: error: %s", cases[i][1]);
        CHECK_FILE(text, "[Context]\nsockets=wayland;cups;\n", told);
    }
}

static void the_place_is_the_deciding_words(void)
{
    struct trial t;
    trial_begin(&t);
    trial_file(&t, "[Context]\nshared=network;\nsockets=if:x11:true\n");
    trial_file(&t, "[Context]\n\nshared=ipc; !network\nsockets=if:x11:false\n");
    const struct perm *net = policy_perm(&t.p, PERM_SHARED, "network");
    CHECK(net && !net->granted);
    CHECK_STR(net->at.file, "f2");
    CHECK_INT(net->at.line, 3);
    CHECK_INT(net->at.col, 13);
    CHECK_INT(net->rank, 2);
    const struct perm *x11 = policy_perm(&t.p, PERM_SOCKETS, "x11");
    CHECK(x11 && x11->n_conditions == 2);
    CHECK_STR(x11->conditions[0].at.file, "f1");
    CHECK_STR(x11->conditions[1].at.file, "f2");
    CHECK_STR(x11->conditions[1].name, "false");
    CHECK(policy_perm(&t.p, PERM_DEVICES, "dri") == NULL);
    trial_end(&t);
}

int main(void)
{
    RUN(words_of_one_file);
    RUN(conditions_of_one_file);
    RUN(a_plain_word_before_a_condition_is_a_marker);
    RUN(upper_layers_decide);
    RUN(conditions_add_up_unless_reset);
    RUN(a_condition_narrows_a_lower_grant);
    RUN(deciding_x11_drops_a_lower_fallback);
    RUN(unknown_words);
    RUN(malformed_words);
    RUN(the_place_is_the_deciding_words);
    return t_done();
}
