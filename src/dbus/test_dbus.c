/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of the bus filter that need no bus; tests/dbus has the whole before a real one. */
#include "dbus/match.h"
#include "dbus/stub.h"
#include "t.h"

#include <stdlib.h>

static void names(void)
{
    static char long_ok[256], long_bad[257];
    memset(long_ok, 'a', 255);
    memset(long_bad, 'a', 256);
    long_ok[3] = long_bad[3] = '.';
    CHECK(well_known_name_ok("org.example.App") && well_known_name_ok("a-b._c.D-"));
    CHECK(well_known_name_ok(long_ok) && !well_known_name_ok(long_bad));
    static const char *const bad[] = {"",     "one",   ".a.b", "a.b.",      "a..b",
                                      "a.1b", "a.b c", ":1.2", "a.\xc3\xa9"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(!well_known_name_ok(bad[i]));
    CHECK(unique_name_ok(":1.42") && unique_name_ok(":a-b.c"));
    CHECK(!unique_name_ok(":") && !unique_name_ok(":1") && !unique_name_ok("1.2") &&
          !unique_name_ok(":1..2"));
    CHECK(interface_ok("a.B") && !interface_ok("a-b.C") && !interface_ok("a"));
    CHECK(member_ok("Get_2") && !member_ok("a.b") && !member_ok("") && !member_ok("2a"));
    CHECK(path_ok("/") && path_ok("/a/_1") && !path_ok("") && !path_ok("a") && !path_ok("/a/") &&
          !path_ok("//") && !path_ok("/a-b"));
}

static void writes_and_reads(void)
{
    uint8_t bytes[1024];
    struct out o = {bytes, 0, sizeof bytes};
    struct message m = {.type = WIRE_CALL,
                        .flags = 1,
                        .serial = 7,
                        .path = "/p",
                        .member = "M",
                        .destination = "a.B",
                        .signature = "sas"},
                   got;
    size_t need, end;
    const char *why;
    wire_begin(&o, &m);
    wire_put_text(&o, "one");
    size_t at = wire_put_array(&o);
    wire_put_text(&o, "two");
    wire_put_text(&o, "");
    wire_end_array(&o, at);
    CHECK(wire_end(&o));
    for (size_t n = 0; n < o.n; n++) {
        enum wire_result r = wire_read(bytes, n, false, &got, &need, &why);
        CHECK(r == (n < got.head || n < WIRE_FIXED ? WIRE_MORE : WIRE_OK) || n < WIRE_FIXED);
    }
    CHECK_INT(wire_read(bytes, o.n, false, &got, &need, &why), WIRE_OK);
    CHECK_INT(got.head + got.body, o.n);
    CHECK_STR(got.destination, "a.B");
    struct arguments a = wire_arguments(&got, bytes, o.n), b = a;
    CHECK_STR(arguments_text(&a, 's'), "one");
    CHECK(arguments_array(&a, &end));
    CHECK_STR(array_text(&a, end), "two");
    CHECK_STR(array_text(&a, end), "");
    CHECK(!array_text(&a, end) && a.at == end);
    CHECK(arguments_skip(&b) && arguments_skip(&b) && !arguments_skip(&b) && b.at == a.at);
    struct out small = {bytes, 0, 40};
    wire_begin(&small, &m);
    CHECK(!wire_end(&small));
}

static void skips_every_type(void)
{
    static const uint8_t body[] = {
        1,  0,   2, 0, 3,   0, 0, 0, /* y q u */
        9,  0,   0, 0, 0,   0, 0, 0, /* t */
        1,  'u', 0, 0, 5,   0, 0, 0, /* v of u */
        20, 0,   0, 0, 0,   0, 0, 0, /* a{sv}: 20 bytes from the next 8 on */
        1,  0,   0, 0, 'k', 0, 1, 's', 0, 0, 0, 0, 1, 0, 0, 0,   'v',
        0,  0,   0, 0, 0,   0, 0, 7,   0, 0, 0, 1, 0, 0, 0, 'x', 0, /* (us) */
        1,  'i', 0,                                                 /* g */
    };
    struct arguments a = {.body = body, .n = sizeof body, .signature = "yqutva{sv}(us)g"};
    for (int i = 0; i < 7; i++)
        CHECK(arguments_skip(&a));
    CHECK_STR(arguments_text(&a, 'g'), "i");
    CHECK_INT(a.at, sizeof body);
    for (size_t n = 0; n < sizeof body; n++) {
        struct arguments cut = {.body = body, .n = n, .signature = "yqutva{sv}(us)g"};
        int count = 0;
        while (arguments_skip(&cut))
            count++;
        CHECK(count < 8);
    }
    static const char *const bad[] = {"(", "a", "a(", "()", "{sv", ")", "z", "(a)", "a{}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct arguments wrong = {.body = body, .n = sizeof body, .signature = bad[i]};
        CHECK(!arguments_skip(&wrong));
    }
}

static struct rules rules_of(const char *text)
{
    struct rules r;
    int line, column;
    const char *why = "";
    if (rules_read(&r, strdup(text), strlen(text), &line, &column, &why) < 0)
        printf("# %d:%d: %s\n", line, column, why);
    return r;
}

static void levels(void)
{
    struct rules r =
        rules_of("carrel-bus 1\n# a comment\n\ntalk org.a.*\nnone org.a.b\nown org.a.b.c\n"
                 "see org.x\nlimit rate 7\nown org.y.*\nsee org.y.z # less counts for nothing\n");
    CHECK_INT(rules_level(&r, "org.a"), LEVEL_TALK);
    CHECK_INT(rules_level(&r, "org.a.z.z"), LEVEL_TALK);
    CHECK_INT(rules_level(&r, "org.a.b"), LEVEL_NONE);
    CHECK_INT(rules_level(&r, "org.a.b.d"), LEVEL_TALK);
    CHECK_INT(rules_level(&r, "org.a.b.c"), LEVEL_OWN);
    CHECK_INT(rules_level(&r, "org.ab"), LEVEL_NONE);
    CHECK_INT(rules_level(&r, "org"), LEVEL_NONE);
    CHECK_INT(rules_level(&r, "org.x"), LEVEL_SEE);
    CHECK_INT(rules_level(&r, "org.x.y"), LEVEL_NONE);
    CHECK_INT(rules_level(&r, "org.y.z"), LEVEL_OWN);
    CHECK_INT(r.limits.rate, 7);
    CHECK(rules_mention(&r, "org.a", true) && !rules_mention(&r, "org.a", false));
    rules_free(&r);
}

static void none_below(void)
{
    struct rules r = rules_of("carrel-bus 1\ntalk org.a.*\nnone org.a.b.*\ntalk org.a.b.c\n");
    CHECK_INT(rules_level(&r, "org.a.b"), LEVEL_NONE);
    CHECK_INT(rules_level(&r, "org.a.b.x.y"), LEVEL_NONE);
    CHECK_INT(rules_level(&r, "org.a.b.c"), LEVEL_TALK);
    CHECK_INT(rules_level(&r, "org.a.c"), LEVEL_TALK);
    rules_free(&r);
}

static void members_are_withheld(void)
{
    struct rules r = rules_of("carrel-bus 1\nwithhold a.I.Ask\n");
    struct message m = {.interface = "a.I", .member = "Ask"};
    CHECK(rules_withhold(&r, &m));
    m.interface = NULL; /* the app might answer for any */
    CHECK(rules_withhold(&r, &m));
    m.interface = "a.J";
    CHECK(!rules_withhold(&r, &m));
    m = (struct message){.interface = "a.I", .member = "Asks"};
    CHECK(!rules_withhold(&r, &m));
    rules_free(&r);
    char text[512];
    int n = snprintf(text, sizeof text, "carrel-bus 1\n");
    for (int i = 0; i < 17; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "withhold a.I.Ask\n");
    int line, column;
    const char *why;
    CHECK_INT(rules_read(&r, strdup(text), strlen(text), &line, &column, &why), -1);
    CHECK_INT(line, 18);
}

static void faults_of_rules(void)
{
    static const struct {
        const char *text;
        int line, column;
    } bad[] = {
        {"", 1, 1},
        {"carrel-bus 2\n", 1, 1},
        {"carrel-bus 1 \n", 1, 1},
        {"carrel-bus 1\ntalk\n", 2, 1},
        {"carrel-bus 1\n\n  talk  org\n", 3, 9},
        {"carrel-bus 1\ntalk org.a.*.*\n", 2, 6},
        {"carrel-bus 1\ncall org.a a.b.c / arg0\n", 2, 20},
        {"carrel-bus 1\ncall org.a a.b.c / arg0=1 arg0=1 arg0=1 arg0=1 arg0=1\n", 2, 1},
        {"carrel-bus 1\ncall org.a b / x\n", 2, 12},
        {"carrel-bus 1\ncall org.a a.b.* /a/ \n", 2, 18},
        {"carrel-bus 1\nwithhold a.b\n", 2, 10},
        {"carrel-bus 1\nwithhold a.b.*\n", 2, 10},
        {"carrel-bus 1\nwithhold Member\n", 2, 10},
        {"carrel-bus 1\nlimit connections 0\n", 2, 19},
        {"carrel-bus 1\nlimit message 999999999999999999999\n", 2, 15},
        {"carrel-bus 1\ntalk org.a.\\x00b\n", 2, 6},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct rules r;
        int line = 0, column = 0;
        const char *why = NULL;
        CHECK_INT(rules_read(&r, strdup(bad[i].text), strlen(bad[i].text), &line, &column, &why),
                  -1);
        CHECK_INT(line, bad[i].line);
        CHECK_INT(column, bad[i].column);
        CHECK(why && !r.v);
    }
}

static void patterns(void)
{
    struct rules r = rules_of("carrel-bus 1\ncall org.a.* i.f.M /p/* arg1^=ab arg0=\\e\n"
                              "broadcast org.a.b i.f.* *\n");
    struct message m = {
        .type = WIRE_CALL, .path = "/p/q", .interface = "i.f", .member = "M", .signature = "ss"};
    static const uint8_t body[] = {0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 'a', 'b', 'c', 0};
    struct arguments a = {.body = body, .n = sizeof body, .signature = "ss"};
    CHECK_INT(rules_level(&r, "org.a.b"), LEVEL_TALK);
    CHECK_INT(rules_allow(&r, "org.a.b", RULE_CALL, &m, NULL), RULE_NEEDS_ARGS);
    CHECK_INT(rules_allow(&r, "org.a.b", RULE_CALL, &m, &a), RULE_YES);
    a.n--;
    CHECK_INT(rules_allow(&r, "org.a.b", RULE_CALL, &m, &a), RULE_NO);
    CHECK_INT(rules_allow(&r, "org.a.b", RULE_BROADCAST, &m, NULL), RULE_YES);
    CHECK_INT(rules_allow(&r, "org.a.b.c", RULE_BROADCAST, &m, NULL), RULE_NO);
    m.path = "/pq";
    CHECK_INT(rules_allow(&r, "org.a.b", RULE_CALL, &m, NULL), RULE_NO);
    m.path = "/p";
    m.interface = NULL;
    CHECK_INT(rules_allow(&r, "org.a.b", RULE_CALL, &m, NULL), RULE_NO);
    rules_free(&r);
}

static void match_rules(void)
{
    CHECK(!match_refused("") && !match_refused("type='signal',arg0='a,b',path_namespace='/x'"));
    CHECK(!match_refused("arg0='it'\\''s'") && !match_refused(" member = 'X' "));
    CHECK(match_refused("eavesdrop='true'") && match_refused("type='signal', eavesdrop = x"));
    CHECK(match_refused("arg0='x") && match_refused("arg100='x'") && match_refused("type") &&
          match_refused("argpath='x'") && match_refused("='x'"));
    char *endless = calloc(1, MATCH_MOST + 2);
    memset(endless, ' ', MATCH_MOST + 1);
    CHECK(match_refused(endless));
    free(endless);
}

static void replies(void)
{
    struct replies t = {0};
    for (uint32_t i = 1; i <= 3000; i++)
        CHECK(
            replies_add(&t, (struct reply){.serial = i * 64, .peer = i, .kind = REPLY_PEER}, 3000));
    CHECK(!replies_add(&t, (struct reply){.serial = 1, .kind = REPLY_PEER}, 3000));
    for (uint32_t i = 1; i <= 3000; i += 2)
        replies_remove(&t, replies_find(&t, i * 64, 0, false));
    for (uint32_t i = 1; i <= 3000; i++)
        CHECK((replies_find(&t, i * 64, i, true) != NULL) == (i % 2 == 0));
    CHECK(!replies_find(&t, 128, 3, true));
    replies_free(&t);
}

static void peers(void)
{
    struct peers t = {0};
    char name[32];
    peers_owns(&t, ":1.0", "org.a.B");
    for (int i = 1; i <= 5000; i++) {
        snprintf(name, sizeof name, ":1.%d", i);
        peers_seen(&t, name);
    }
    CHECK(t.n <= PEERS_SEEN_MOST + 1 && peers_find(&t, ":1.5000") && !peers_find(&t, ":1.1"));
    CHECK(peers_find(&t, ":1.0")); /* who has a name is not forgotten for those */
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, ":2.%d", i);
        peers_owns(&t, name, "org.a.B");
    }
    CHECK(t.n <= PEERS_MOST + 1);
    peers_free(&t);
    CHECK(!t.oldest && !t.n);
}

/* The app waits while the bus is asked who has which name. */
static void waits_for_names(void)
{
    struct bus bus = {.log = {.fd = -1}, .rules = rules_of("carrel-bus 1\ntalk org.a.B\n")};
    struct client *c = stub_client(&bus);
    struct message call = {
        .type = WIRE_CALL, .serial = 5, .path = "/", .member = "M", .destination = ":1.9"};
    struct message owner = {.type = WIRE_RETURN,
                            .serial = 9,
                            .has_reply_serial = true,
                            .sender = BUS_NAME,
                            .destination = ":1.5"};
    uint8_t bytes[512];
    struct out o = {bytes, 0, sizeof bytes};
    CHECK_INT(stub_message(c, RELAY_CLIENT, call, NULL).what, RELAY_HOLD);
    owner.reply_serial = c->our_serial;
    owner.signature = "as";
    wire_begin(&o, &owner);
    size_t at = wire_put_array(&o);
    wire_put_text(&o, "org.a.B");
    wire_put_text(&o, "org.other.Name");
    wire_end_array(&o, at);
    CHECK(wire_end(&o));
    CHECK_INT(client_judge(c, RELAY_SERVER, bytes, o.n, 0).what, RELAY_DROP);
    CHECK_INT(stub_message(c, RELAY_CLIENT, call, NULL).what, RELAY_HOLD);
    owner.reply_serial = c->our_serial;
    CHECK_INT(stub_message(c, RELAY_SERVER, owner, ":1.9").what, RELAY_DROP);
    CHECK_INT(c->phase, PHASE_OPEN);
    CHECK_INT(stub_message(c, RELAY_CLIENT, call, NULL).what, RELAY_PASS);
    /* an answer to what was not asked */
    owner.reply_serial = c->our_serial + 1;
    CHECK_INT(stub_message(c, RELAY_SERVER, owner, ":1.9").what, RELAY_DROP);
    client_free(c);
    rules_free(&bus.rules);
}

int main(void)
{
    RUN(names);
    RUN(writes_and_reads);
    RUN(skips_every_type);
    RUN(levels);
    RUN(none_below);
    RUN(members_are_withheld);
    RUN(faults_of_rules);
    RUN(patterns);
    RUN(match_rules);
    RUN(replies);
    RUN(peers);
    RUN(waits_for_names);
    return t_done();
}
