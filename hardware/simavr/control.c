/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "control.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "chip.h"

static int listening = -1, client = -1;
static bool step_by_step;
static char input[8192];
static size_t input_count;
static char output[65536];
static size_t output_count;
static unsigned dropped_events;
static uint64_t worst_lag;

bool control_open(const char *path, bool lockstep)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        fprintf(stderr, "%s: too long for a socket's name (%zu bytes at most)\n", path,
                sizeof address.sun_path - 1);
        return false;
    }
    strcpy(address.sun_path, path);
    unlink(path);
    step_by_step = lockstep;
    listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listening < 0 || bind(listening, (struct sockaddr *)&address, sizeof address) != 0
        || listen(listening, 1) != 0) {
        perror(path);
        return false;
    }
    return true;
}

int control_fd(void)
{
    return client >= 0 ? client : listening;
}

static void flush(bool wait)
{
    size_t done = 0;
    while (client >= 0 && done < output_count) {
        ssize_t count = send(client, output + done, output_count - done, wait ? 0 : MSG_DONTWAIT);
        if (count <= 0)
            break; /* full, or gone: the next read tells which */
        done += (size_t)count;
    }
    output_count -= done;
    memmove(output, output + done, output_count);
}

void control_flush(void)
{
    flush(step_by_step);
}

static bool append(const char *format, va_list arguments)
{
    size_t room = sizeof output - output_count;
    int length = vsnprintf(output + output_count, room, format, arguments);
    if ((size_t)length >= room)
        return false;
    output_count += (size_t)length;
    return true;
}

/* An answer: the client waits for it, so it reads. */
static void say(const char *format, ...)
{
    if (sizeof output - output_count < sizeof output / 2)
        flush(true);
    va_list arguments;
    va_start(arguments, format);
    append(format, arguments);
    va_end(arguments);
}

/* An event: where time does not stand still, a client that does not read loses it. */
static void tell(const char *format, ...)
{
    if (client < 0)
        return;
    if (step_by_step && sizeof output - output_count < 128)
        flush(true);
    va_list arguments;
    va_start(arguments, format);
    if (!append(format, arguments))
        dropped_events++;
    va_end(arguments);
}

void control_sent(uint64_t cycle, uint8_t byte)
{
    tell("tx %" PRIu64 " %02x\n", cycle, byte);
}

void control_pulse(uint8_t servo, uint64_t cycle, uint32_t width)
{
    tell("pulse %u %" PRIu64 " %u\n", servo, cycle, width);
}

void control_lag(uint64_t cycles)
{
    if (cycles > worst_lag)
        worst_lag = cycles;
}

static void receive_hex(const char *hex)
{
    uint8_t bytes[sizeof input / 2];
    size_t count = 0;
    for (; hex[0] && hex[1]; hex += 2) {
        char pair[3] = {hex[0], hex[1], 0};
        bytes[count++] = (uint8_t)strtoul(pair, NULL, 16);
    }
    chip_receive(bytes, count);
}

static void show_eeprom(void)
{
    uint8_t image[CHIP_EEPROM];
    chip_eeprom(image);
    say("ok ");
    for (int i = 0; i < CHIP_EEPROM; i++)
        say("%02x", image[i]);
    say("\n");
}

/* False for `quit`. Every line gets one that begins with ok or error, after the events it caused. */
static bool obey(const char *line)
{
    unsigned a, b;
    uint64_t cycles;
    if (step_by_step && sscanf(line, "run %" SCNu64, &cycles) == 1)
        chip_run_until(chip_cycle() + cycles);
    else if (!strncmp(line, "rx ", 3))
        receive_hex(line + 3);
    else if (sscanf(line, "adc %u %u", &a, &b) == 2 && a < 8)
        chip_adc((uint8_t)a, b);
    else if (sscanf(line, "stop %u", &a) == 1)
        chip_stop_pin(a != 0);
    else if (!strcmp(line, "hang"))
        chip_hang();
    else if (!strcmp(line, "power-cycle"))
        chip_power_cycle();
    else if (!strcmp(line, "eeprom")) {
        show_eeprom();
        return true;
    } else if (!strcmp(line, "quit")) {
        return false;
    } else if (strcmp(line, "stats")) {
        say("error unknown: %s\n", line);
        return true;
    }
    if (chip_crashed())
        say("error crashed at %" PRIu64 "\n", chip_cycle());
    else
        say("ok %" PRIu64 " baud %u lag %" PRIu64 " lost %u dropped %u\n", chip_cycle(), chip_baud(),
            worst_lag, chip_lost(), dropped_events);
    return true;
}

bool control_serve(void)
{
    if (client < 0) {
        client = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
        return true;
    }
    ssize_t count = read(client, input + input_count, sizeof input - 1 - input_count);
    if (count <= 0)
        return false;
    input_count += (size_t)count;
    input[input_count] = 0;
    char *line = input;
    bool going_on = true;
    for (char *end; going_on && (end = strchr(line, '\n')); line = end + 1) {
        *end = 0;
        going_on = obey(line);
    }
    input_count -= (size_t)(line - input);
    memmove(input, line, input_count);
    flush(true);
    return going_on && input_count < sizeof input - 1;
}
