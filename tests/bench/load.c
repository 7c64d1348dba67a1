/* load RATE SIZE SECONDS GUEST READER... - a guest that prints in small records, and its readers.
 *
 * GUEST and each READER are the numbers of inherited, non-blocking descriptors; stdin is one period of
 * an endless pattern, in which GUEST prints SIZE bytes a write, RATE writes a second (0: as fast as
 * they are taken), for SECONDS. After each write the next reader reads once, so that all of them keep
 * up and none is waiting when a byte comes: waking one up is not the system's work alone. Every byte is
 * compared. Prints the bytes written, and the seconds until the last one had been read by everybody.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX = 256, READ = 1 << 16, LONGEST = 1 << 20 };
static const double SILENCE = 10;        /* seconds without a byte after which it has failed */

static char pattern[2 * LONGEST], buffer[READ];
static size_t period;
static uint64_t printed, got[MAX];
static double heard;                     /* when a reader last got something */

static void fail(const char *what, int i, uint64_t at)
{
    fprintf(stderr, "%s: reader %d at %llu\n", what, i, (unsigned long long)at);
    exit(1);
}

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

/* Keeps the pattern twice in a row: any window of it that starts in the first copy is in one piece. */
static void read_pattern(void)
{
    ssize_t count;

    while (period <= LONGEST && (count = read(0, pattern + period, LONGEST + 1 - period)) > 0)
        period += count;
    if (period < READ || period > LONGEST) { fprintf(stderr, "a pattern of %zu bytes\n", period); exit(1); }
    memcpy(pattern + period, pattern, period);
}

static void print(int fd, size_t size)
{
    ssize_t count = write(fd, pattern + printed % period, size - printed % size);

    if (count > 0) printed += count;
    else if (errno != EAGAIN) { perror("guest"); exit(1); }
}

static void check(int fd, int i, double now)
{
    ssize_t count = read(fd, buffer, READ);

    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) fail("closed", i, got[i]);
    if (memcmp(buffer, pattern + got[i] % period, count)) fail("differs", i, got[i]);
    got[i] += count;
    heard = now;
}

static uint64_t least(int count)
{
    uint64_t low = printed;

    for (int i = 0; i < count; i++)
        if (got[i] < low) low = got[i];
    return low;
}

int main(int argc, char **argv)
{
    int count = argc - 5, guest, readers[MAX], next = 0;
    double rate, length, start, now;
    size_t size;

    if (count < 1 || count > MAX) { fprintf(stderr, "usage: load RATE SIZE SECONDS GUEST READER...\n"); return 1; }
    rate = atof(argv[1]);
    size = atoi(argv[2]);
    length = atof(argv[3]);
    guest = atoi(argv[4]);
    for (int i = 0; i < count; i++) readers[i] = atoi(argv[5 + i]);
    read_pattern();
    start = now = heard = seconds();
    while (now < start + length || least(count) < printed) {
        if (now > heard + SILENCE) fail("no byte", 0, least(count));
        if (now < start + length && (!rate || printed < rate * size * (now - start)))
            print(guest, size);
        else if (now < start + length) {
            now = seconds();
            continue;
        }
        check(readers[next], next, now);
        next = (next + 1) % count;
        now = seconds();
    }
    printf("%llu %.6f\n", (unsigned long long)printed, now - start);
    return 0;
}
