/* sshd [-T] [-f FILE]
 *
 * Listens on the configured ports and greets whoever connects with its version. It turns into a
 * daemon once all ports are bound, with its process id in /run/sshd.pid. -T prints the effective
 * configuration. */
#include "servconf.h"

#include <ctype.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#define PID_FILE "/run/sshd.pid"

static const char *const shown[] = {
    "Banner", "MaxAuthTries", "PasswordAuthentication", "PermitRootLogin", "X11Forwarding",
};

static int print_configuration(const struct servconf *conf)
{
    for (int i = 0; i < conf->port_count; i++) printf("port %d\n", conf->ports[i]);
    for (unsigned i = 0; i < sizeof shown / sizeof *shown; i++) {
        for (const char *letter = shown[i]; *letter; letter++) putchar(tolower(*letter));
        printf(" %s\n", servconf_value(conf, shown[i]));
    }
    return 0;
}

static int listen_on(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int yes = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 16)) {
        fprintf(stderr, "sshd: port %d: ", port);
        perror("cannot listen");
        return -1;
    }
    return listener;
}

static void greet(int client, const char *banner)
{
    static const char version[] = "SSH-2.0-OpenSSH_" VERSION;
    char line[512];
    int length = snprintf(line, sizeof line, "%s zlib-%s/%08lx\r\n", version, zlibVersion(),
                          crc32(0, (const unsigned char *)banner, strlen(banner)));

    if (client < 0) return;
    send(client, line, length, MSG_NOSIGNAL);
    close(client);
}

static int detach(void)
{
    int nothing = open("/dev/null", O_RDWR);
    FILE *file;

    switch (fork()) {
    case -1: perror("sshd: fork"); return -1;
    case 0: break;
    default: _exit(0);
    }
    setsid();
    if (chdir("/") || !(file = fopen(PID_FILE, "w"))) {
        perror("sshd: " PID_FILE);
        return -1;
    }
    fprintf(file, "%d\n", getpid());
    fclose(file);
    for (int stream = 0; stream < 3; stream++) dup2(nothing, stream);
    close(nothing);
    return 0;
}

static int serve(const struct servconf *conf)
{
    struct pollfd listeners[MAX_PORTS];

    for (int i = 0; i < conf->port_count; i++) {
        listeners[i].fd = listen_on(conf->ports[i]);
        listeners[i].events = POLLIN;
        if (listeners[i].fd < 0) return 1;
    }
    if (detach()) return 1;
    while (poll(listeners, conf->port_count, -1) >= 0)
        for (int i = 0; i < conf->port_count; i++)
            if (listeners[i].revents & POLLIN)
                greet(accept(listeners[i].fd, 0, 0), servconf_value(conf, "Banner"));
    return 1;
}

int main(int count, char **words)
{
    const char *path = "/etc/ssh/sshd_config";
    struct servconf conf;
    int option, print = 0;

    while ((option = getopt(count, words, "Tf:")) != -1) {
        if (option == 'T') print = 1;
        else if (option == 'f') path = optarg;
        else return 2;
    }
    if (read_servconf(path, &conf)) return 255;
    return print ? print_configuration(&conf) : serve(&conf);
}
