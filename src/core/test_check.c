/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/core.h"
#include "t.h"

#include <linux/sched.h>
#include <stdlib.h>
#include <sys/resource.h>

#define START                                                                                      \
    "carrel-plan 1\nuid 1\ngid 2\nunshare user mount pid uts\nkeep-fd 9\nkeep-fd 4\n"              \
    "tmpfs / 755 -\n"
#define END "exec /bin/x\narg a\narg \\e\n"

static char text[1 << 16];
static void *space;
static struct job job;
static struct fault fault;

static int read_plan(const char *plan)
{
    size_t n = strlen(plan);
    memcpy(text, plan, n + 1);
    free(space);
    space = calloc(1, job_space(n));
    return job_read(&job, text, n, space, &fault);
}

static const struct step *step(enum plan_verb verb)
{
    return job.last[verb];
}

static void takes_in_the_values(void)
{
    CHECK_INT(read_plan(START
                        "bind /a /b ro,noexec,optional fd:1f\nrlimit nofile 5 unlimited\n"
                        "terminal 7 /d/p 0,2\numask 27\nlandlock execute,truncate signal\n"
                        "landlock-allow /b truncate\nseccomp 5 default\nenv A=1\nenv B=\n" END),
              0);
    CHECK_INT(job.namespaces, CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS);
    CHECK_INT(job_value(&job, PLAN_UID, 0), 1);
    CHECK_INT(job_value(&job, PLAN_GID, 0), 2);
    CHECK_INT(job_value(&job, PLAN_UMASK, 0), 027);
    CHECK_INT(job_value(&job, PLAN_TERMINAL, 0), 7);
    CHECK_INT(step(PLAN_TERMINAL)->n[2], 1 | 4);
    CHECK_INT(job_value(&job, PLAN_NESTED_USERNS, 0), 0);
    CHECK_INT(job_value(&job, PLAN_SECCOMP, 0), 5);
    CHECK_INT(job.n_kept, 2);
    CHECK_INT(step(PLAN_BIND)->n[2], BIND_RO | BIND_NOEXEC | BIND_OPTIONAL);
    CHECK_INT(step(PLAN_BIND)->n[3], 0xfd);
    CHECK_INT(step(PLAN_BIND)->n[4], 0x1f);
    CHECK_INT(step(PLAN_RLIMIT)->n[0], RLIMIT_NOFILE);
    CHECK_INT(step(PLAN_RLIMIT)->n[1], 5);
    CHECK(step(PLAN_RLIMIT)->n[2] == RLIM_INFINITY);
    CHECK_INT(step(PLAN_LANDLOCK)->n[0], 1 | 1 << 14);
    CHECK_INT(step(PLAN_LANDLOCK)->n[1], 2);
    CHECK_INT(step(PLAN_LANDLOCK_ALLOW)->n[1], 1 << 14);
    CHECK_INT(step(PLAN_BIND)->line, 8);
}

static void makes_the_vectors(void)
{
    CHECK_INT(read_plan(START "env A=1\nenv B=\n" END), 0);
    CHECK_STR(job.envp[0], "A=1");
    CHECK_STR(job.envp[1], "B=");
    CHECK(!job.envp[2]);
    CHECK_STR(job.argv[0], "/bin/x");
    CHECK_STR(job.argv[1], "a");
    CHECK_STR(job.argv[2], "");
    CHECK(!job.argv[3]);
    CHECK_INT(read_plan(START "exec x\n"), 0);
    CHECK(!job.envp[0] && !job.argv[1]);
}

/* In the order of the kernel's headers, whatever they know of it. */
static void names_limits_as_the_kernel(void)
{
    static const struct {
        const char *name;
        int number;
    } rows[] = {
        {"cpu", RLIMIT_CPU},      {"fsize", RLIMIT_FSIZE},       {"data", RLIMIT_DATA},
        {"stack", RLIMIT_STACK},  {"core", RLIMIT_CORE},         {"rss", RLIMIT_RSS},
        {"nproc", RLIMIT_NPROC},  {"nofile", RLIMIT_NOFILE},     {"memlock", RLIMIT_MEMLOCK},
        {"as", RLIMIT_AS},        {"locks", RLIMIT_LOCKS},       {"sigpending", RLIMIT_SIGPENDING},
        {"nice", RLIMIT_NICE},    {"msgqueue", RLIMIT_MSGQUEUE}, {"rtprio", RLIMIT_RTPRIO},
        {"rttime", RLIMIT_RTTIME}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char plan[512];
        snprintf(plan, sizeof plan, START "rlimit %s 1 1\n" END, rows[i].name);
        CHECK_INT(read_plan(plan), 0);
        CHECK_INT(step(PLAN_RLIMIT)->n[0], rows[i].number);
    }
}

static void reads_numbers(void)
{
    static const struct {
        const char *text;
        unsigned base;
        uint64_t max, value;
        bool good;
    } rows[] = {
        {"0", 10, 0, 0, true},
        {"1", 10, 0, 0, false},
        {"", 10, 9, 0, false},
        {"0777", 8, 0777, 0777, true},
        {"8", 8, 99, 0, false},
        {"ff", 16, 255, 255, true},
        {"100", 16, 255, 0, false},
        {"FF", 16, 255, 0, false},
        {"+1", 10, 9, 0, false},
        {"00000000000000000000000007", 10, 9, 7, true},
        {"1 ", 10, 99, 0, false},
        {"18446744073709551615", 10, UINT64_MAX, UINT64_MAX, true},
        {"18446744073709551616", 10, UINT64_MAX, 0, false},
        {"ffffffffffffffff", 16, UINT64_MAX, UINT64_MAX, true},
        {"10000000000000000", 16, UINT64_MAX, 0, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char digits[64];
        uint64_t v = 0;
        snprintf(digits, sizeof digits, "%s", rows[i].text);
        struct word w = {digits, strlen(digits)};
        CHECK(read_number(&w, rows[i].base, rows[i].max, &v) == rows[i].good);
        if (rows[i].good)
            CHECK(v == rows[i].value);
    }
}

static void says_what_is_wrong(void)
{
    CHECK_INT(read_plan(START "bind /a /b ro,x\n" END), -1);
    CHECK_INT(fault.step.line, 8);
    CHECK_INT(fault.step.verb, PLAN_BIND);
    CHECK_STR(fault.word->s, "ro,x");
    CHECK_STR(fault.list, "ro rw dev noexec optional");
    CHECK_INT(read_plan(START "uid 1\n" END), -1);
    CHECK_STR(fault.text, "out of order");
    CHECK_INT(fault.step.verb, PLAN_VERB_COUNT);
    CHECK_INT(read_plan("carrel-plan 1\nuid 1\n"), -1);
    CHECK_INT(fault.step.verb, PLAN_GID);
    CHECK_INT(fault.step.line, 0);
}

/* The space that job_space asks for is enough for the densest plans. */
static void fits_into_its_space(void)
{
    static char plan[60000];
    size_t n = (size_t)snprintf(plan, sizeof plan, "%s", START);
    while (n < sizeof plan - 200)
        n += (size_t)snprintf(plan + n, sizeof plan - n, "env A=\n");
    n += (size_t)snprintf(plan + n, sizeof plan - n, "exec x\n");
    for (int i = 0; i < 20; i++)
        n += (size_t)snprintf(plan + n, sizeof plan - n, "arg 0\n");
    CHECK_INT(read_plan(plan), 0);
    CHECK((char *)(job.steps + job.n) <= (char *)space + job_space(n));
    CHECK_STR(job.argv[20], "0");
    CHECK_INT(read_plan("carrel-plan 1\nuid 0\ngid 0\nunshare user mount pid\ndir / 0"), -1);
}

int main(void)
{
    RUN(takes_in_the_values);
    RUN(makes_the_vectors);
    RUN(names_limits_as_the_kernel);
    RUN(reads_numbers);
    RUN(says_what_is_wrong);
    RUN(fits_into_its_space);
    free(space);
    return t_done();
}
