#include "servconf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *keyword, *initial;
    const char *choices; /* 0: any text; "": a number */
} keywords[] = {
    {"AllowUsers", "", 0},
    {"AuthorizedKeysFile", ".ssh/authorized_keys", 0},
    {"Banner", "none", 0},
    {"GatewayPorts", "no", "yes no clientspecified"},
    {"KbdInteractiveAuthentication", "yes", "yes no"},
    {"LogLevel", "INFO", "QUIET FATAL ERROR INFO VERBOSE DEBUG"},
    {"LoginGraceTime", "120", ""},
    {"MaxAuthTries", "6", ""},
    {"MaxSessions", "10", ""},
    {"PasswordAuthentication", "yes", "yes no"},
    {"PermitRootLogin", "prohibit-password", "yes no prohibit-password forced-commands-only"},
    {"PrintMotd", "yes", "yes no"},
    {"StrictModes", "yes", "yes no"},
    {"UseDns", "no", "yes no"},
    {"UsePAM", "no", "yes no"},
    {"X11Forwarding", "no", "yes no"},
};
#define KEYWORDS (sizeof keywords / sizeof *keywords)

static int is_number(const char *text, int *number)
{
    char *end;

    *number = strtol(text, &end, 10);
    return *text && !*end;
}

static int is_choice(const char *value, const char *choices)
{
    size_t length = strlen(value);

    for (const char *at = choices; (at = strstr(at, value)); at += length)
        if ((at == choices || at[-1] == ' ') && (at[length] == ' ' || !at[length])) return 1;
    return 0;
}

static const char *add_port(struct servconf *conf, const char *value)
{
    int port;

    if (!is_number(value, &port) || port < 1 || port > 65535) return "Badly formatted port number";
    if (conf->port_count == MAX_PORTS) return "too many ports";
    conf->ports[conf->port_count++] = port;
    return 0;
}

/* What is wrong with one line, or 0. */
static const char *add_setting(struct servconf *conf, const char *keyword, const char *value)
{
    int number;

    if (!strcasecmp(keyword, "Port")) return add_port(conf, value);
    for (unsigned i = 0; i < KEYWORDS; i++) {
        const char *choices = keywords[i].choices;

        if (strcasecmp(keyword, keywords[i].keyword)) continue;
        if (!*value) return "missing argument";
        if (choices && !*choices && !is_number(value, &number)) return "invalid integer value";
        if (choices && *choices && !is_choice(value, choices)) return "unsupported option";
        if (conf->setting_count == MAX_SETTINGS) return "too many settings";
        conf->settings[conf->setting_count].keyword = keywords[i].keyword;
        strncpy(conf->settings[conf->setting_count++].value, value, 255);
        return 0;
    }
    return "Bad configuration option";
}

int read_servconf(const char *path, struct servconf *conf)
{
    char line[512];
    int number = 0, faults = 0;
    FILE *file = fopen(path, "r");

    memset(conf, 0, sizeof *conf);
    if (!file) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return 1;
    }
    while (fgets(line, sizeof line, file)) {
        char keyword[64] = "", value[256] = "";
        const char *fault;

        number++;
        if (sscanf(line, " %63s %255[^\n]", keyword, value) < 1 || *keyword == '#') continue;
        if (!(fault = add_setting(conf, keyword, value))) continue;
        fprintf(stderr, "%s line %d: %s: %s %s\n", path, number, fault, keyword, value);
        faults++;
    }
    fclose(file);
    if (!conf->port_count) conf->ports[conf->port_count++] = 22;
    return faults;
}

const char *servconf_value(const struct servconf *conf, const char *keyword)
{
    /* As in sshd, the first value counts. */
    for (int i = 0; i < conf->setting_count; i++)
        if (!strcasecmp(conf->settings[i].keyword, keyword)) return conf->settings[i].value;
    for (unsigned i = 0; i < KEYWORDS; i++)
        if (!strcasecmp(keywords[i].keyword, keyword)) return keywords[i].initial;
    return "";
}
