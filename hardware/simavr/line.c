/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "line.h"

#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "chip.h"

enum { PENDING = 4096 };

static int master = -1;
static int held_open = -1; /* our own end of the slave: without it each close by the host is EIO */
static struct { uint64_t cycle; uint8_t byte; } pending[PENDING];
static unsigned pending_head, pending_count;

static bool make_raw(int fd)
{
    struct termios2 settings;
    if (ioctl(fd, TCGETS2, &settings) != 0)
        return false;
    settings.c_iflag = settings.c_oflag = settings.c_lflag = 0;
    settings.c_cflag = (settings.c_cflag & ~(tcflag_t)(CSIZE | PARENB)) | CS8;
    settings.c_cc[VMIN] = 1;
    settings.c_cc[VTIME] = 0;
    return ioctl(fd, TCSETS2, &settings) == 0;
}

int line_open(const char *link)
{
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || grantpt(fd) != 0 || unlockpt(fd) != 0) {
        perror("no pseudoterminal");
        return -1;
    }
    char name[64];
    ptsname_r(fd, name, sizeof name);
    held_open = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (held_open < 0 || !make_raw(held_open)) {
        perror(name);
        return -1;
    }
    unlink(link);
    if (symlink(name, link) != 0) {
        perror(link);
        return -1;
    }
    return fd;
}

void line_use(int fd)
{
    master = fd;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

int line_fd(void)
{
    return master;
}

/* Whether host and chip talk at the same rate, give or take what a UART bears. */
static bool rates_agree(void)
{
    struct termios2 settings;
    if (ioctl(master, TCGETS2, &settings) != 0)
        return true; /* not a terminal: there is no rate */
    double ratio = (double)settings.c_ospeed / (chip_baud() ? chip_baud() : 1);
    return ratio > 0.97 && ratio < 1.03;
}

/* What a UART makes of bits of another length: not these, but as wrong and as repeatable. */
static uint8_t garbled(uint8_t byte)
{
    return (uint8_t)(((byte << 3) | (byte >> 5)) ^ 0xE6);
}

bool line_read(void)
{
    uint8_t bytes[1024];
    ssize_t count = read(master, bytes, sizeof bytes);
    if (count < 0)
        return errno == EAGAIN || errno == EINTR;
    if (count == 0)
        return false;
    if (!rates_agree())
        for (ssize_t i = 0; i < count; i++)
            bytes[i] = garbled(bytes[i]);
    chip_receive(bytes, (size_t)count);
    return true;
}

void line_queue(uint64_t cycle, uint8_t byte)
{
    if (pending_count == PENDING) { /* nobody has read for 80 ms: as on a wire, it is gone */
        pending_head = (pending_head + 1) % PENDING;
        pending_count--;
    }
    unsigned at = (pending_head + pending_count++) % PENDING;
    pending[at].cycle = cycle;
    pending[at].byte = byte;
}

uint64_t line_flush(uint64_t cycle)
{
    uint8_t bytes[PENDING];
    size_t count = 0;
    while (pending_count && pending[pending_head].cycle <= cycle) {
        bytes[count++] = pending[pending_head].byte;
        pending_head = (pending_head + 1) % PENDING;
        pending_count--;
    }
    if (count && !rates_agree())
        for (size_t i = 0; i < count; i++)
            bytes[i] = garbled(bytes[i]);
    if (count && write(master, bytes, count) < 0 && errno != EAGAIN)
        perror("line");
    return pending_count ? pending[pending_head].cycle : 0;
}
