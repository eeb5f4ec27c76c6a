/* The servo board in simavr: its serial line, its pins and its potentiometers for other programs.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "chip.h"
#include "control.h"
#include "line.h"

enum {
    SLICE_ACTIVE_NS = 150000,   /* while bytes are on the line */
    SLICE_IDLE_NS = 500000,     /* how late a pulse is told */
    FURTHEST_BEHIND = CHIP_HZ   /* cycles; what is more than a second late is not made up for */
};

static volatile sig_atomic_t ended;

static void on_signal(int number)
{
    (void)number;
    ended = 1;
}

static uint64_t now_cycles(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * CHIP_HZ + (uint64_t)now.tv_nsec * (CHIP_HZ / 1000000) / 1000;
}

static void run_in_real_time(void)
{
    uint64_t offset = now_cycles() - chip_cycle();
    prctl(PR_SET_TIMERSLACK, 1000); /* waits that end when asked, not 50 us later */
    while (!ended) {
        uint64_t target = now_cycles() - offset;
        uint64_t behind = target > chip_cycle() ? target - chip_cycle() : 0;
        control_lag(behind);
        if (behind > FURTHEST_BEHIND) { /* the machine slept */
            offset += behind;
            target -= behind;
        }
        chip_run_until(target);
        uint64_t due = line_flush(target);
        control_flush();
        if (chip_crashed())
            return;
        /* The firmware answers whole frames: while one comes in there is nothing to look at. */
        uint64_t coming = chip_receiving_until();
        long wait = coming > target ? (long)((coming - target) * 1000 / (CHIP_HZ / 1000000)) : 0;
        wait += due || coming ? SLICE_ACTIVE_NS : SLICE_IDLE_NS;
        if (wait > 2 * SLICE_IDLE_NS)
            wait = 2 * SLICE_IDLE_NS;
        struct pollfd files[2] = {{line_fd(), POLLIN, 0}, {control_fd(), POLLIN, 0}};
        struct timespec patience = {0, wait};
        if (ppoll(files, 2, &patience, NULL) <= 0)
            continue;
        chip_run_until(now_cycles() - offset);
        if ((files[0].revents & (POLLIN | POLLHUP)) && !line_read())
            return;
        if (files[1].revents && !control_serve())
            return;
    }
}

static void run_in_lockstep(void)
{
    while (!ended && control_serve())
        ;
}

static void load(const char *path, uint8_t *eeprom)
{
    memset(eeprom, 0xFF, CHIP_EEPROM);
    FILE *file = path ? fopen(path, "rb") : NULL;
    if (!file)
        return; /* a new chip */
    size_t count = fread(eeprom, 1, CHIP_EEPROM, file);
    fclose(file);
    if (count == 0)
        fprintf(stderr, "%s: empty; starting with an erased EEPROM\n", path);
}

static int store(const char *path)
{
    if (!path)
        return 0;
    uint8_t eeprom[CHIP_EEPROM];
    chip_eeprom(eeprom);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(eeprom, 1, sizeof eeprom, file) != sizeof eeprom || fclose(file) != 0) {
        perror(path);
        return 1;
    }
    return 0;
}

static int usage(void)
{
    fputs("usage: board_in_simavr --elf FILE --socket PATH [--eeprom FILE] [--slow]\n"
          "       (--lockstep | --link PATH | --line-fd NUMBER)\n", stderr);
    return 2;
}

int main(int count, char **words)
{
    static const struct option options[] = {
        {"elf", 1, 0, 'e'}, {"socket", 1, 0, 's'}, {"eeprom", 1, 0, 'm'}, {"slow", 0, 0, 'b'},
        {"lockstep", 0, 0, 'k'}, {"link", 1, 0, 'l'}, {"line-fd", 1, 0, 'f'}, {0, 0, 0, 0}};
    const char *elf = NULL, *socket = NULL, *eeprom = NULL, *link = NULL;
    bool slow = false, lockstep = false;
    int fd = -1;
    for (int option; (option = getopt_long(count, words, "", options, NULL)) != -1;)
        switch (option) {
        case 'e': elf = optarg; break;
        case 's': socket = optarg; break;
        case 'm': eeprom = optarg; break;
        case 'b': slow = true; break;
        case 'k': lockstep = true; break;
        case 'l': link = optarg; break;
        case 'f': fd = atoi(optarg); break;
        default: return usage();
        }
    if (!elf || !socket || lockstep + (link != NULL) + (fd >= 0) != 1)
        return usage();

    struct sigaction action = {.sa_handler = on_signal}; /* no SA_RESTART: a read ends */
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    uint8_t image[CHIP_EEPROM];
    load(eeprom, image);
    chip_events events = {lockstep ? control_sent : line_queue, control_pulse};
    if (!chip_start(elf, slow, image, events))
        return 3;
    if (link && (fd = line_open(link)) < 0)
        return 3;
    if (!control_open(socket, lockstep))
        return 3;
    if (lockstep) {
        run_in_lockstep();
    } else {
        line_use(fd);
        run_in_real_time();
    }
    if (link)
        unlink(link);
    unlink(socket);
    int stored = store(eeprom);
    if (chip_crashed()) {
        fprintf(stderr, "the firmware crashed the simulated chip\n");
        return 3;
    }
    return stored;
}
