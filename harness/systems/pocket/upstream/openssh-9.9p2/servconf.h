/* The server's configuration file (sshd_config(5), a part of its keywords). */
#ifndef SERVCONF_H
#define SERVCONF_H

#define MAX_PORTS 16
#define MAX_SETTINGS 64

struct servconf {
    int ports[MAX_PORTS], port_count;
    int setting_count;
    struct {
        const char *keyword;
        char value[256];
    } settings[MAX_SETTINGS];
};

/* Reads the file; says what is wrong with it on stderr. Returns the number of faults. */
int read_servconf(const char *path, struct servconf *conf);

/* The value that holds for a keyword, or its default. */
const char *servconf_value(const struct servconf *conf, const char *keyword);

#endif
