/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/test_help.h"
#include "util/str.h"

#define GROUPS                                                                                     \
    "Application, Context, Environment, Session Bus Policy, System Bus Policy, Accessibility Bus " \
    "Policy, Carrel Application, Carrel Sandbox, Carrel Limits, Carrel Ask, Carrel Display, "      \
    "Carrel "                                                                                      \
    "Sound, Carrel Bus, Carrel Environment"

static void empty_files(void)
{
    CHECK_FILE("", "", "");
    CHECK_FILE("# nothing\n", "", "");
    CHECK_FILE("[Context]\n", "", "");
    CHECK_FILE("[Context]\nshared=\nfilesystems=;\n", "", "");
}

static void applications(void)
{
    CHECK_FILE("[Application]\nname=org.example.App\ncommand=app --x\nruntime=a/b/c\nsdk=d\n"
               "required-flatpak=1.2\ntags=x;\n",
               "[Application]\nname=org.example.App\ncommand=app --x\n", "");
    CHECK_FILE(
        "[Application]\nname=firefox\ncommand=\n", "",
        "f1:2:6: error: \"firefox\" is no app id: it needs two elements at least, with a dot "
        "between them\n"
        "  hint: an app id looks like org.example.App\n"
        "f1:3:9: error: \"\" is no command\n"
        "  hint: write the name of a program, or its path\n");
    CHECK_FILE("[Application]\ncomand=x\n", "",
               "f1:2:1: warning: \"comand\" is no key of [Application]; it has no effect\n"
               "  hint: did you mean \"command\"?\n");
}

static void app_ids(void)
{
    static const char *const good[] = {"org.x", "org.example.App", "_a._b", "a.b-c",
                                       "a.b-",  "A1.B2_3"};
    static const char *const bad[] = {"",      "a",     ".a.b", "a.b.",    "a..b",  "a.1b",
                                      "1a.b",  "a-b.c", "a.-b", "a.b/c",   "a.b c", "a.ä",
                                      "a.b:c", "..",    ".",    "a/../b.c"};
    char longest[257];
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        CHECK_STR(app_id_error(good[i]), NULL);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        if (!app_id_error(bad[i]))
            CHECK_STR(bad[i], "refused");
    CHECK_STR(app_id_error("org.freedesktop.portal"), "the desktop's own services have such names");
    CHECK_STR(app_id_error("snap.firefox"), "the desktop's own services have such names");
    CHECK_STR(app_id_error("org.freedesktop.portals.Test"), NULL);
    memset(longest, 'a', sizeof longest);
    longest[1] = '.';
    longest[255] = '\0';
    CHECK_STR(app_id_error(longest), NULL);
    longest[255] = 'a';
    longest[256] = '\0';
    CHECK_STR(app_id_error(longest), "it is longer than 255 bytes");
}

static void environments(void)
{
    CHECK_FILE("[Environment]\nA=1\nB=\nC=\\sx;y\\n\n", "[Environment]\nA=1\nB=\nC=\\sx;y\\n\n",
               "");
    CHECK_FILE("[Environment]\nA B=1\n", "",
               "f1:2:1: error: \"A B\" is no name of an environment variable\n"
               "  hint: write its name alone, such as LANG\n");
    CHECK_FILE("[Environment]\nA[de]=1\n", "",
               "f1:2:1: warning: \"A[de]\": languages have no meaning here; it has no effect\n");
    CHECK_FILE("[Context]\nunset-environment=A=1;B\n", "[Context]\nunset-environment=B;\n",
               "f1:2:19: error: \"A=1\" is no name of an environment variable\n"
               "  hint: write its name alone, such as LANG\n");
}

static void keys_of_the_clipboard(void)
{
    static const char *const good[] = {"Ctrl+Shift+Insert", "super+F12", "alt+v", "CTRL+ALT+7",
                                       "none"};
    static const char *const bad[] = {"Insert",      "Shift+a",  "Ctrl",    "Ctrl+",
                                      "Ctrl+Ctrl+a", "Ctrl+F13", "Ctrl+F0", "a+Ctrl",
                                      "Ctrl+?",      "Ctrl+ a",  "+a",      "Hyper+a"};
    struct arena a = {0};
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        const char *text = arena_printf(&a, "[Carrel Display]\nclipboard-in-key=%s\n", good[i]);
        CHECK_FILE(text, text, "");
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct trial t;
        trial_begin(&t);
        trial_file(&t, arena_printf(&t.arena, "[Carrel Display]\nclipboard-out-key=%s\n", bad[i]));
        CHECK(strstr(trial_told(&t),
                     "is no value of clipboard-out-key\n  hint: write Ctrl, Alt or Super"));
        CHECK_STR(trial_written(&t), "");
        trial_end(&t);
    }
    arena_release(&a);
}

static void unset_wins_in_its_layer_and_below(void)
{
    struct trial t;
    trial_begin(&t);
    trial_file(&t, "[Environment]\nA=1\nB=1\n");
    trial_file(&t, "[Context]\nunset-environment=A;C\n[Environment]\nC=1\n");
    CHECK_STR(trial_written(&t), "[Context]\nunset-environment=A;C;\n[Environment]\nB=1\n");
    trial_file(&t, "[Environment]\nA=2\n");
    CHECK_STR(trial_written(&t), "[Context]\nunset-environment=C;\n[Environment]\nA=2\nB=1\n");
    CHECK_STR(trial_told(&t), "");
    trial_end(&t);
}

static void buses(void)
{
    CHECK_FILE("[Session Bus Policy]\norg.a.B=talk\norg.a.C.*=own\norg.a.D=see\norg.a.E=none\n"
               "[System Bus Policy]\norg.a-b._c=talk\n"
               "[Accessibility Bus Policy]\norg.a.B=own\n",
               "[Session Bus Policy]\norg.a.B=talk\norg.a.C.*=own\norg.a.D=see\norg.a.E=none\n"
               "[System Bus Policy]\norg.a-b._c=talk\n"
               "[Accessibility Bus Policy]\norg.a.B=own\n",
               "");
    CHECK_FILE("[Session Bus Policy]\norg.a.B=talkk\n", "",
               "f1:2:9: error: \"talkk\" is no access to a name on a bus\n"
               "  hint: did you mean \"talk\"?\n");
}

static void bad_bus_names(void)
{
    static const char *const cases[][2] = {
        {"org", "it needs two elements at least"},
        {"org.*", "it needs two elements at least"},
        {"*", "each element begins with a letter, '_' or '-'"},
        {"org.1a", "each element begins with a letter, '_' or '-'"},
        {"org..a", "each element begins with a letter, '_' or '-'"},
        {".org.a", "each element begins with a letter, '_' or '-'"},
        {"org.a.", "it ends in a dot"},
        {"org.a*", "only letters, digits, '_' and '-' stand in an element"},
        {"org.*.a", "each element begins with a letter, '_' or '-'"},
        {":1.5", "unique names are given out anew each time"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char text[100], told[300];
        snprintf(text, sizeof text, "[System Bus Policy]\n%s=talk\n", cases[i][0]);
        snprintf(told, sizeof told,
                 "f1:2:1: error: \"%s\" is no name on a bus: %s\n"
                 "  hint: write org.example.Name, or org.example.* for all below it\n",
                 cases[i][0], cases[i][1]);
        CHECK_FILE(text, "", told);
    }
}

static void groups_that_mean_nothing_here(void)
{
    CHECK_FILE("[Runtime]\na=b\n[Instance]\na=b\n[Extension org.x.Y]\ndirectory=z\n[ExtensionOf]\n"
               "ref=x\n[Extra Data]\na=b\n[Build]\na=b\n[Policy Tracker3]\ndbus:x=y;!z\n"
               "[USB Devices]\nenumerable-devices=all\n[X-DConf]\npaths=/x/;\n[X-Y]\na[de]=b\na=1\n"
               "a=2\n",
               "", "");
    CHECK_FILE("[Contxt]\nshared=network\n", "",
               "f1:1:1: warning: [Contxt] is no group that Carrel knows; it has no effect\n"
               "  hint: did you mean \"Context\"?\n");
    CHECK_FILE("[X]\n[X-]\n", "",
               "f1:1:1: warning: [X] is no group that Carrel knows; it has no effect\n"
               "  hint: known: " GROUPS "\n"
               "f1:2:1: warning: [X-] is no group that Carrel knows; it has no effect\n"
               "  hint: known: " GROUPS "\n");
}

static void unknown_and_repeated_keys(void)
{
    CHECK_FILE("[Context]\nshred=network\n", "",
               "f1:2:1: warning: \"shred\" is no key of [Context]; it has no effect\n"
               "  hint: did you mean \"shared\"?\n");
    CHECK_FILE(
        "[Context]\nshared=network\nshared=ipc\n", "[Context]\nshared=ipc;\n",
        "f1:3:1: warning: \"shared\" stands twice, first on line 2; only the last one holds\n"
        "  hint: write one list, or take one of them out\n");
    CHECK_FILE("[Context]\nshared=network\n[Environment]\n[Context]\ndevices=dri\n",
               "[Context]\nshared=network;\ndevices=dri;\n",
               "f1:4:1: warning: [Context] stands twice, first on line 1; both are read\n"
               "  hint: gather the keys below one header\n");
}

static void our_values(void)
{
    static const char all[] =
        "[Carrel Application]\nnames=firefox;firefox-esr;\npackage=firefox-esr\n"
        "desktop=firefox-esr.desktop\ndocuments=rw\n"
        "[Carrel Sandbox]\nnested-sandbox=userns\nmachine-id=true\n"
        "optional=landlock;landlock-scope;\nmax-processes=500\nmax-open-files=4096\n"
        "max-file-size=1048576\n"
        "[Carrel Environment]\npass=A;B;\n";
    CHECK_FILE(all, all, "");
    CHECK_FILE("[Carrel Sandbox]\nmax-file-size=4G\nmax-open-files=16K\nmax-processes=1M\n",
               "[Carrel Sandbox]\nmax-processes=1048576\nmax-open-files=16384\n"
               "max-file-size=4294967296\n",
               "");
}

static void our_bad_values(void)
{
    static const struct {
        const char *group, *line;
        int col;
        const char *told;
    } cases[] = {
        {"Sandbox", "nested-sandbox=on", 16,
         "\"on\" is no value of nested-sandbox\n  hint: known: none, userns, mount\n"},
        {"Sandbox", "machine-id=yes", 12,
         "\"yes\" is no value of machine-id\n  hint: write true or false\n"},
        {"Sandbox", "machine-id=", 12,
         "\"\" is no value of machine-id\n  hint: write true or false\n"},
        {"Sandbox", "optional=landlock;seccmp", 19,
         "\"seccmp\" is no value of optional\n  hint: known: landlock, landlock-scope, "
         "abstract-sockets\n"},
        {"Sandbox", "max-processes=4194305", 15,
         "\"4194305\" is no value of max-processes\n"
         "  hint: a whole number from 0 to 4194304; K, M and G stand for powers of 1024\n"},
        {"Sandbox", "max-processes=-1", 15,
         "\"-1\" is no value of max-processes\n"
         "  hint: a whole number from 0 to 4194304; K, M and G stand for powers of 1024\n"},
        {"Sandbox", "max-processes=12x", 15,
         "\"12x\" is no value of max-processes\n"
         "  hint: a whole number from 0 to 4194304; K, M and G stand for powers of 1024\n"},
        {"Sandbox", "max-processes=99999999999999999999", 15,
         "\"99999999999999999999\" is no value of max-processes\n"
         "  hint: a whole number from 0 to 4194304; K, M and G stand for powers of 1024\n"},
        {"Sandbox", "max-processes=9223372036854775807G", 15,
         "\"9223372036854775807G\" is no value of max-processes\n"
         "  hint: a whole number from 0 to 4194304; K, M and G stand for powers of 1024\n"},
        {"Sandbox", "machine-idd=true", 1,
         "\"machine-idd\" is no key of [Carrel Sandbox]\n  hint: did you mean \"machine-id\"?\n"},
        {"Application", "names=ok;/usr/bin/x", 10,
         "\"/usr/bin/x\" is no name of a command\n  hint: write what people type, such as "
         "firefox\n"},
        {"Application", "package=Firefox", 9,
         "\"Firefox\" is no name of a package\n"
         "  hint: lower-case letters, digits, '+', '-' and '.' make one\n"},
        {"Application", "desktop=../x.desktop", 9,
         "\"../x.desktop\" is no name of a .desktop file\n"
         "  hint: write org.example.App.desktop, without a folder\n"},
        {"Application", "documents=write", 11,
         "\"write\" is no value of documents\n  hint: known: none, ro, rw\n"},
        {"Environment", "pass=A;B C", 8,
         "\"B C\" is no name of an environment variable\n"
         "  hint: write its name alone, such as LANG\n"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char text[200], told[300];
        snprintf(text, sizeof text, "[Carrel %s]\n%s\n", cases[i].group, cases[i].line);
        snprintf(told, sizeof told, "f1:2:%d: error: %s", cases[i].col, cases[i].told);
        CHECK_FILE(text, "", told);
    }
    CHECK_FILE("[Carrel Sandbox]\noptional=landlock;x\\y\n",
               "[Carrel Sandbox]\noptional=landlock;\n",
               "f1:2:20: error: the escape \"\\y\" is unknown\n"
               "  hint: known escapes: \\s (blank) \\n \\t \\r \\\\ \\;\n");
    CHECK_FILE("[Carrel Sandbax]\n", "",
               "f1:1:1: error: [Carrel Sandbax] is no group that Carrel knows\n"
               "  hint: did you mean \"Carrel Sandbox\"?\n");
}

static void our_values_are_asked_for(void)
{
    struct trial t;
    size_t n;
    trial_begin(&t);
    CHECK(policy_carrel(&t.p, "Carrel Sandbox", "machine-id") == NULL);
    trial_file(&t, "[Carrel Application]\nnames=a\\;b; c ;\n");
    trial_file(&t, "[Carrel Sandbox]\nmachine-id=true\n");
    trial_file(&t, "[Carrel Sandbox]\nmachine-id=false\n");
    const struct carrel_value *v = policy_carrel(&t.p, "Carrel Sandbox", "machine-id");
    CHECK(v && str_eq(v->value, "false"));
    CHECK_STR(v ? place_text_of(&t.arena, v->at) : NULL, "f3:2");
    const char *const *names =
        policy_list(&t.arena, policy_carrel(&t.p, "Carrel Application", "names")->value, &n);
    CHECK_INT(n, 2);
    CHECK_STR(names[0], "a;b");
    CHECK_STR(names[1], "c");
    CHECK(names[2] == NULL);
    CHECK(policy_list(&t.arena, "", NULL)[0] == NULL);
    trial_end(&t);
}

static void places(void)
{
    struct trial t;
    trial_begin(&t);
    CHECK_STR(place_text_of(&t.arena, (struct place){.file = "x.policy", .line = 12, .col = 3}),
              "x.policy:12");
    CHECK_STR(place_text_of(&t.arena, (struct place){.file = "command line", .col = 3}),
              "command line, argument 3");
    CHECK_STR(place_text_of(&t.arena, (struct place){.file = "x"}), "x");
    CHECK_STR(place_text_of(&t.arena, (struct place){0}), "carrel");
    trial_end(&t);
}

static void writes_where_things_came_from(void)
{
    struct trial t;
    struct buf out;
    trial_begin(&t);
    out = (struct buf){.arena = &t.arena};
    trial_file(&t, "[Context]\nshared=ipc\nfilesystems=~/x:ro\n[Application]\ncommand=x\n");
    trial_file(&t, "[Context]\nshared=network\n\n[Environment]\nA=1\n");
    trial_option(&t, "--talk-name=org.a.B");
    policy_write(&t.p, &out);
    CHECK_STR(out.data, "[Application]\ncommand=x\n#   command  f1:5\n"
                        "\n[Context]\nshared=ipc;network;\n#   ipc  f1:2\n#   network  f2:2\n"
                        "filesystems=~/x:ro;\n#   ~/x:ro  f1:3\n"
                        "\n[Environment]\nA=1\n#   A  f2:5\n"
                        "\n[Session Bus Policy]\norg.a.B=talk\n#   org.a.B  command line, argument "
                        "1\n");
    trial_end(&t);
}

static void what_is_written_reads_the_same(void)
{
    static const char text[] =
        "[Application]\nname=org.example.App\ncommand=/opt/a b/c\\\\d\n"
        "[Context]\nshared=network;!ipc\nsockets=wayland;if:x11:!has-wayland;fallback-x11\n"
        "devices=all;!shm\nfeatures=devel\n"
        "filesystems=home;!~/x:ro;/a\\\\:b\\;c\\s:ro;xdg-run/y:create\n"
        "persistent=.;./#x\nunset-environment=Q\n"
        "[Environment]\nA=\\s x ; \\\\ \\n\\s\nB=\n"
        "[Session Bus Policy]\norg.a.*=see\n"
        "[Carrel Application]\nnames=a\\;b;c\n[Carrel Sandbox]\nmax-file-size=1G\n";
    struct trial a, b;
    trial_begin(&a);
    trial_begin(&b);
    trial_file(&a, text);
    struct buf out = {.arena = &a.arena};
    policy_write(&a.p, &out);
    trial_file(&b, out.data);
    CHECK_STR(trial_told(&b), "");
    CHECK_STR(trial_written(&b), trial_written(&a));
    CHECK(strlen(trial_written(&b)) > 300);
    trial_end(&a);
    trial_end(&b);
}

static void diagnostics_come_in_the_order_of_the_file(void)
{
    CHECK_FILE("[Foo]\n[Carrel Sandbox]\nx=1\n[Context]\nx=1\nbroken\n", "",
               "f1:1:1: warning: [Foo] is no group that Carrel knows; it has no effect\n"
               "  hint: known: " GROUPS "\n"
               "f1:3:1: error: \"x\" is no key of [Carrel Sandbox]\n"
               "  hint: known: nested-sandbox, machine-id, private-session-bus, optional, "
               "max-processes, max-open-files, "
               "max-file-size, max-temporary\n"
               "f1:5:1: warning: \"x\" is no key of [Context]; it has no effect\n"
               "  hint: known: shared, sockets, devices, features, filesystems, persistent, "
               "unset-environment\n"
               "f1:6:1: error: this is neither a key with its value nor a group\n"
               "  hint: a line is key=value, [Group] or a # comment\n");
}

int main(void)
{
    RUN(empty_files);
    RUN(applications);
    RUN(app_ids);
    RUN(environments);
    RUN(keys_of_the_clipboard);
    RUN(unset_wins_in_its_layer_and_below);
    RUN(buses);
    RUN(bad_bus_names);
    RUN(groups_that_mean_nothing_here);
    RUN(unknown_and_repeated_keys);
    RUN(our_values);
    RUN(our_bad_values);
    RUN(our_values_are_asked_for);
    RUN(places);
    RUN(writes_where_things_came_from);
    RUN(what_is_written_reads_the_same);
    RUN(diagnostics_come_in_the_order_of_the_file);
    return t_done();
}
