/* fanc [-d] GUEST BACKEND... - the practical limit: one guest to N clients, epoll, one thread.
 *
 * Connects to the unix socket GUEST, or opens it if it is a terminal, listens at each BACKEND for one
 * client, copies the guest's bytes to all of them and theirs to the guest. The guest is not read while a client lags by the
 * whole ring; with -d that client skips to the end of the ring instead.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { MAX = 256, READ = 1 << 16, RING = 1 << 20 };

/* Off a page boundary, as malloc's memory is: on it the kernel's copies take twice as long. */
static char memory[64 + RING] __attribute__((aligned(4096))), *const ring = memory + 64;
static uint64_t head;                    /* bytes ever read from the guest */
static int count, epoll_fd;              /* entry `count` is the guest, those below are clients */
static int fds[MAX + 1], listeners[MAX];
static uint32_t events[MAX + 1];         /* what is watched; 0: nothing */
static uint64_t position[MAX];

static void die(const char *what) { perror(what); exit(1); }

static int unix_socket(const char *path, int server)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    if (!server && connect(fd, (void *)&address, sizeof address)) die(path);
    if (server && (bind(fd, (void *)&address, sizeof address) || listen(fd, 5))) die(path);
    return fd;
}

static int open_guest(const char *path)
{
    struct stat status;
    int fd;

    if (stat(path, &status) || !S_ISCHR(status.st_mode)) return unix_socket(path, 0);
    fd = open(path, O_RDWR | O_NOCTTY);
    if (fd < 0) die(path);
    return fd;
}

static void watch(int i, uint32_t wanted)
{
    struct epoll_event event = {.events = wanted, .data.u32 = i};
    int operation = !wanted ? EPOLL_CTL_DEL : events[i] ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

    if (fds[i] < 0 || events[i] == wanted) return;
    epoll_ctl(epoll_fd, operation, fds[i], &event);
    events[i] = wanted;
}

static uint64_t slowest(void)
{
    uint64_t low = head;

    for (int i = 0; i < count; i++)
        if (fds[i] >= 0 && position[i] < low) low = position[i];
    return low;
}

static void accept_client(int i)
{
    int fd = accept4(listeners[i], NULL, NULL, SOCK_NONBLOCK);

    if (fds[i] >= 0) { close(fd); return; }
    fds[i] = fd;
    position[i] = head;
    events[i] = 0;
    watch(i, EPOLLIN);
}

static void read_guest(int drop)
{
    uint64_t low = slowest();
    size_t at = head % RING, room = RING - (head - low), len = RING - at;
    ssize_t got;

    if (!room && drop) {
        for (int i = 0; i < count; i++)
            if (position[i] == low) position[i] = head;
        return;
    }
    if (!room) { watch(count, 0); return; }
    if (len > READ) len = READ;
    if (len > room) len = room;
    got = read(fds[count], ring + at, len);
    if (got == 0 || (got < 0 && errno != EAGAIN)) exit(0);
    if (got > 0) head += got;
}

static void read_client(int i)
{
    char input[4096];
    ssize_t got = read(fds[i], input, sizeof input);

    if (got > 0 && write(fds[count], input, got) < 0 && errno != EAGAIN) exit(0);
    if (got == 0 || (got < 0 && errno != EAGAIN)) { close(fds[i]); fds[i] = -1; }
}

static void write_client(int i)
{
    if (fds[i] < 0) return;
    while (position[i] < head) {
        size_t at = position[i] % RING, len = head - position[i];
        ssize_t sent;

        if (len > RING - at) len = RING - at;
        sent = send(fds[i], ring + at, len, MSG_NOSIGNAL);
        if (sent < 0) break;
        position[i] += sent;
    }
    watch(i, EPOLLIN | (position[i] < head ? EPOLLOUT : 0));
}

int main(int argc, char **argv)
{
    int drop = argc > 1 && !strcmp(argv[1], "-d");
    char **paths = argv + 1 + drop;
    struct epoll_event ready[64];

    epoll_fd = epoll_create1(0);
    count = argc - 2 - drop;
    if (count < 1 || count > MAX) { fprintf(stderr, "usage: fanc [-d] GUEST BACKEND...\n"); return 1; }
    for (int i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = MAX + 1 + i};
        fds[i] = -1;
        listeners[i] = unix_socket(paths[1 + i], 1);
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listeners[i], &event);
    }
    fds[count] = open_guest(paths[0]);
    watch(count, EPOLLIN);
    for (;;) {
        int n = epoll_wait(epoll_fd, ready, 64, -1), flush = 0;

        for (int j = 0; j < n; j++) {
            int i = ready[j].data.u32;
            if (i > MAX) { accept_client(i - MAX - 1); continue; }
            if (i == count) { read_guest(drop); flush = 1; continue; }
            if (ready[j].events & (EPOLLIN | EPOLLHUP)) read_client(i);
            if (ready[j].events & EPOLLOUT) flush = 1;
        }
        if (!flush) continue;
        for (int i = 0; i < count; i++) write_client(i);
        if (drop || head - slowest() < RING) watch(count, EPOLLIN);
    }
}
