/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/options.h"
#include "policy/test_help.h"
#include "util/str.h"

static void every_option_that_has_an_effect(void)
{
    static const char *const cases[][2] = {
        {"--share=network", "[Context]\nshared=network;\n"},
        {"--unshare=network", "[Context]\nshared=!network;\n"},
        {"--share-if=network:true", "[Context]\nshared=!network;if:network:true;\n"},
        {"--socket=wayland", "[Context]\nsockets=wayland;\n"},
        {"--nosocket=x11", "[Context]\nsockets=!x11;\n"},
        {"--socket-if=x11:!has-wayland", "[Context]\nsockets=!x11;if:x11:!has-wayland;\n"},
        {"--device=dri", "[Context]\ndevices=dri;\n"},
        {"--nodevice=all", "[Context]\ndevices=!all;\n"},
        {"--device-if=input:has-input-device",
         "[Context]\ndevices=!input;if:input:has-input-device;\n"},
        {"--allow=devel", "[Context]\nfeatures=devel;\n"},
        {"--disallow=devel", "[Context]\nfeatures=!devel;\n"},
        {"--allow-if=devel:false", "[Context]\nfeatures=!devel;if:devel:false;\n"},
        {"--devel", "[Context]\nfeatures=devel;\n"},
        {"--filesystem=xdg-download:ro", "[Context]\nfilesystems=xdg-download:ro;\n"},
        {"--filesystem=/a\\:b", "[Context]\nfilesystems=/a\\\\:b;\n"},
        {"--nofilesystem=~/x", "[Context]\nfilesystems=!~/x;\n"},
        {"--nofilesystem=host:reset", "[Context]\nfilesystems=!host;\n"},
        {"--persist=.mozilla", "[Context]\npersistent=.mozilla;\n"},
        {"--persist=.", "[Context]\npersistent=.;\n"},
        {"--env=A=b=c", "[Environment]\nA=b=c\n"},
        {"--env=A=", "[Environment]\nA=\n"},
        {"--unset-env=A", "[Context]\nunset-environment=A;\n"},
        {"--own-name=org.a.B", "[Session Bus Policy]\norg.a.B=own\n"},
        {"--talk-name=org.a.B.*", "[Session Bus Policy]\norg.a.B.*=talk\n"},
        {"--see-name=org.a.B", "[Session Bus Policy]\norg.a.B=see\n"},
        {"--no-talk-name=org.a.B", "[Session Bus Policy]\norg.a.B=none\n"},
        {"--system-own-name=org.a.B", "[System Bus Policy]\norg.a.B=own\n"},
        {"--system-talk-name=org.a.B", "[System Bus Policy]\norg.a.B=talk\n"},
        {"--system-see-name=org.a.B", "[System Bus Policy]\norg.a.B=see\n"},
        {"--system-no-talk-name=org.a.B", "[System Bus Policy]\norg.a.B=none\n"},
        {"--a11y-own-name=org.a.B", "[Accessibility Bus Policy]\norg.a.B=own\n"},
        {"--no-a11y-bus", "[Carrel Bus]\naccessibility=none\n"},
        {"--command=/usr/bin/x", "[Application]\ncommand=/usr/bin/x\n"},
        {"--metadata=Context=shared=ipc;network", "[Context]\nshared=ipc;network;\n"},
        {"--metadata=Carrel Sandbox=machine-id=true", "[Carrel Sandbox]\nmachine-id=true\n"},
        {"--metadata=Carrel Sandbox=machine-id", "[Carrel Sandbox]\nmachine-id=true\n"},
        {"--metadata=Environment=A=b=c\\d", "[Environment]\nA=b=c\\\\d\n"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        CHECK_OPTION(cases[i][0], cases[i][1], "");
}

static void options_without_effect(void)
{
    static const char *const cases[] = {
        "--metadata=X-DConf=migrate-path=/org/x/",
        "--metadata=Extension org.x=directory=y",
        "--add-policy=Tracker3.dbus:org.x=tracker:Audio",
        "--remove-policy=A.b=c",
        "--usb=all",
        "--usb=vnd:1234+dev:abCD",
        "--nousb=cls:03:*",
        "--nousb=cls:03:0a",
        "--usb-list=vnd:1234;!all",
        "--usb-list-file=/x",
        "--require-version=1.8.2",
        "--runtime=a",
        "--sdk=b",
        "--extension=a=b=c",
        "--extra-data=a:b",
        "--extension-priority=1",
        "--no-exports",
        "--no-desktop",
        "--die-with-parent",
        "--clear-env",
        "--log-session-bus",
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        CHECK_OPTION(cases[i], "", "");
}

static void no_options(void)
{
    static const char *const cases[] = {
        "",     "-",        "--",         "firefox",         "share=network", "-d",
        "--=x", "--shar=x", "--sharee=x", "--Share=network", "--env-",        "---share=network"};
    struct trial t;
    trial_begin(&t);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        CHECK_INT(trial_option(&t, cases[i]), 0);
    CHECK_STR(trial_told(&t), "");
    trial_end(&t);
    CHECK_STR(policy_option_nearest("--filesytem=host"), "filesystem");
    CHECK_STR(policy_option_nearest("--nosocet=x11"), "nosocket");
    CHECK_STR(policy_option_nearest("--qwertyuiop"), NULL);
    CHECK_STR(policy_option_nearest("share"), NULL);
    CHECK_STR(policy_option_nearest("--"), NULL);
}

static void bad_values(void)
{
    static const char *const cases[][2] = {
        {"--share", "--share needs a value\n  hint: write --share=NAME\n"},
        {"--no-desktop=x", "--no-desktop takes no value\n  hint: write --no-desktop\n"},
        {"--share=netwrok",
         "\"netwrok\" is no word of shared\n  hint: did you mean \"network\"?\n"},
        {"--unshare=quantum", "\"quantum\" is no word of shared\n  hint: known: network, ipc\n"},
        {"--share=!network", "\"!network\" is no value of --share\n"
                             "  hint: share the network or ipc with the host\n"},
        {"--share=if:network:true", "\"if:network:true\" is no value of --share\n"
                                    "  hint: share the network or ipc with the host\n"},
        {"--share=", "\"\" is no permission\n  hint: write NAME, !NAME or if:NAME:CONDITION\n"},
        {"--socket-if=x11", "\"if:x11\" is no conditional permission\n"
                            "  hint: write if:NAME:CONDITION or if:NAME:!CONDITION\n"},
        {"--socket-if=x11:has-waylnd",
         "\"has-waylnd\" is no condition\n  hint: did you mean \"has-wayland\"?\n"},
        {"--socket-if=fallback-x11:true",
         "fallback-x11 can not be conditional, it is a condition itself\n"
         "  hint: write if:x11:CONDITION\n"},
        {"--filesystem=xdg-downlod",
         "\"xdg-downlod\" is no location\n  hint: did you mean \"xdg-download\"?\n"},
        {"--filesystem=/", "\"/\" can not be granted or denied as a whole\n"
                           "  hint: write host, or host-root for a look at all of it\n"},
        {"--filesystem=x\\y", "there is a bad escape in \"x\\y\"\n"
                              "  hint: a '\\' stands before ':' or '\\' only; in a key file each "
                              "'\\' is doubled again\n"},
        {"--env=A", "\"A\" is no value of --env\n  hint: write --env=NAME=VALUE\n"},
        {"--env==x", "\"=x\" is no value of --env\n  hint: write --env=NAME=VALUE\n"},
        {
            "--env=A=\x1b",
            "\"A=\"",
        },
        {"--unset-env=A=b", "\"A=b\" is no name of an environment variable\n"
                            "  hint: write its name alone, such as LANG\n"},
        {"--env-fd=3", "--env-fd is not supported\n"
                       "  hint: give each variable as --env=NAME=VALUE\n"},
        {"--talk-name=x", "\"x\" is no name on a bus: it needs two elements at least\n"
                          "  hint: write org.example.Name, or org.example.* for all below it\n"},
        {"--metadata=x", "\"x\" is no value of --metadata\n"
                         "  hint: write --metadata=GROUP=KEY=VALUE\n"},
        {"--metadata=x=", "\"x=\" is no value of --metadata\n"
                          "  hint: write --metadata=GROUP=KEY=VALUE\n"},
        {"--metadata=Carrel Sandbox=x=y",
         "\"x\" is no key of [Carrel Sandbox]\n"
         "  hint: known: nested-sandbox, machine-id, private-session-bus, optional, max-processes, "
         "max-open-files, "
         "max-file-size, max-temporary\n"},
        {"--usb=vnd:12", "\"vnd:12\" is no value of --usb\n"
                         "  hint: write all, vnd:1234, vnd:1234+dev:5678 or cls:03:*\n"},
        {"--usb=all+", "\"all+\" is no value of --usb\n"
                       "  hint: write all, vnd:1234, vnd:1234+dev:5678 or cls:03:*\n"},
        {"--add-policy=A=b.c", "\"A=b.c\" is no value of --add-policy\n"
                               "  hint: write --add-policy=SUBSYSTEM.KEY=VALUE\n"},
        {"--add-policy=A.b=!c", "\"A.b=!c\" is no value of --add-policy\n"
                                "  hint: write --add-policy=SUBSYSTEM.KEY=VALUE\n"},
        {"--command=", "\"\" is no command\n  hint: write the name of a program, or its path\n"},
        {"--filesystem=!~/x", "\"!~/x\" is no location\n  hint: write --nofilesystem=~/x\n"},
        {"--filesystem=!host:reset", "\"!host:reset\": reset goes with a denial only\n"
                                     "  hint: write --nofilesystem=host:reset\n"},
        {"--persist=/x", "\"/x\" is not relative to the home\n"
                         "  hint: write the part below the home: .mozilla\n"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char told[400];
        if (strchr(cases[i][0], '\x1b'))
            snprintf(told, sizeof told, "%s",
                     "command line, argument 1: error: \"\\x1b\" holds a control character or a "
                     "byte that is "
                     "not UTF-8\n");
        else
            snprintf(told, sizeof told, "command line, argument 1: error: %s", cases[i][1]);
        CHECK_OPTION(cases[i][0], "", told);
    }
}

/* In a file these are warnings: there they may come from a newer Flatpak. */
static void unknown_groups_and_keys(void)
{
    static const char *const cases[][2] = {
        {"--metadata=Contxt=shared=network", "[Contxt] is no group that Carrel knows\n"
                                             "  hint: did you mean \"Context\"?\n"},
        {"--metadata=Context=filesystem=!~/x", "\"filesystem\" is no key of [Context]\n"
                                               "  hint: did you mean \"filesystems\"?\n"},
        {"--metadata=Context=foo=bar",
         "\"foo\" is no key of [Context]\n"
         "  hint: known: shared, sockets, devices, features, filesystems, persistent, "
         "unset-environment\n"},
        {"--metadata=Application=nam=x", "\"nam\" is no key of [Application]\n"
                                         "  hint: did you mean \"name\"?\n"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char text[400];
        snprintf(text, sizeof text, "command line, argument 1: error: %s", cases[i][1]);
        CHECK_OPTION(cases[i][0], "", text);
    }
}

/* A file, then options: what they come to. */
static void check_series(const char *file, const char *const *options, const char *want, int line)
{
    struct trial t;
    trial_begin(&t);
    trial_file(&t, file);
    for (; *options; options++)
        trial_option(&t, *options);
    t_check_str(trial_told(&t), "", __FILE__, line, "told");
    t_check_str(trial_written(&t), want, __FILE__, line, "written");
    trial_end(&t);
}

#define SERIES(file, want, ...)                                                                    \
    check_series("[Context]\n" file, (const char *const[]){__VA_ARGS__, NULL}, (want), __LINE__)

static void options_are_one_layer(void)
{
    SERIES("sockets=x11\n", "[Context]\nsockets=!x11;if:x11:true;\n", "--socket-if=x11:true");
    SERIES("sockets=if:x11:false\n", "[Context]\nsockets=!x11;if:x11:false;if:x11:true;\n",
           "--socket-if=x11:true");
    SERIES("sockets=if:x11:false\n", "[Context]\nsockets=!x11;if:x11:true;\n", "--nosocket=x11",
           "--socket-if=x11:true");
    SERIES("\n", "[Context]\nsockets=x11;\n", "--socket=x11", "--socket-if=x11:true");
    SERIES("\n", "[Context]\nsockets=x11;\n", "--socket-if=x11:true", "--socket=x11");
    SERIES("sockets=fallback-x11\n", "[Context]\nsockets=!fallback-x11;!x11;\n", "--nosocket=x11");
    SERIES("\n", "[Context]\nsockets=fallback-x11;!x11;\n", "--socket=fallback-x11",
           "--nosocket=x11");
    SERIES("filesystems=home;~/x\n", "[Context]\nfilesystems=/z;~/y;!host;\n", "--filesystem=~/y",
           "--nofilesystem=host:reset", "--filesystem=/z");
    SERIES("\n", "[Context]\nunset-environment=TZ;\n", "--env=TZ=x", "--unset-env=TZ");
    SERIES("unset-environment=TZ\n", "[Environment]\nTZ=x\n", "--env=TZ=x");
}

static void sandbox_takes_away_what_files_grant(void)
{
    SERIES("shared=network;ipc\nsockets=if:x11:true\nfeatures=multiarch;devel\nfilesystems=home\n"
           "unset-environment=A\n[Session Bus Policy]\norg.a.B=talk\n",
           "[Context]\nshared=!network;!ipc;\nsockets=!x11;wayland;\nfeatures=multiarch;!devel;\n"
           "filesystems=/x;!host;\nunset-environment=A;\n[Session Bus Policy]\norg.c.D=talk\n",
           "--socket=wayland", "--filesystem=/x", "--talk-name=org.c.D", "--sandbox");
}

static void the_table_is_sound(void)
{
    for (size_t i = 0; i < n_policy_options; i++) {
        const struct policy_option *o = &policy_options[i];
        CHECK(o->apply != NULL && o->meaning && *o->meaning);
        CHECK(!strchr(o->name, '=') && *o->name != '-');
        for (size_t k = 0; k < i; k++)
            CHECK(!str_eq(o->name, policy_options[k].name));
    }
}

int main(void)
{
    RUN(every_option_that_has_an_effect);
    RUN(options_without_effect);
    RUN(no_options);
    RUN(bad_values);
    RUN(unknown_groups_and_keys);
    RUN(options_are_one_layer);
    RUN(sandbox_takes_away_what_files_grant);
    RUN(the_table_is_sound);
    return t_done();
}
