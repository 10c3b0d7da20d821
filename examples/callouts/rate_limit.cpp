/*
 * A callout in C++: no client is served more than RATE_LIMIT packets a minute (60 where the variable is not set). One
 * that asks without end, as a broken boot ROM does, leaves room for the others.
 *
 * What C++ makes easy is a class with a state of its own. What it makes easy to forget is that no exception may leave
 * a hook: the caller is C. Each function of the interface therefore runs its work through guarded().
 *
 *     c++ -std=c++17 -shared -fPIC $(dhcpcallout sdk --cflags) -o rate_limit.so rate_limit.cpp
 *     x86_64-w64-mingw32-g++ -std=c++17 -shared -static -o rate_limit.dll rate_limit.cpp
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <chrono>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <unordered_map>

#include <windows.h>

#include <dhcpssdk.h>

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto window = std::chrono::minutes(1);
constexpr std::size_t most_clients = 65536; // Whoever invents hardware addresses costs no more memory than this.

class RateLimiter {
public:
    explicit RateLimiter(unsigned long limit) : limit_(limit) { InitializeCriticalSection(&lock_); }
    ~RateLimiter() { DeleteCriticalSection(&lock_); }
    RateLimiter(const RateLimiter &) = delete;
    RateLimiter &operator=(const RateLimiter &) = delete;

    bool allows(const std::string &client, Clock::time_point now)
    {
        const Locked locked(lock_); // Microsoft's server calls from several threads.

        if (seen_.size() >= most_clients)
            forget(now);
        auto found = seen_.find(client);
        if (found == seen_.end() || now - found->second.since >= window)
            found = seen_.insert_or_assign(client, Seen{now, 0}).first;
        return ++found->second.packets <= limit_;
    }

private:
    struct Seen {
        Clock::time_point since;
        unsigned long packets;
    };

    class Locked {
    public:
        explicit Locked(CRITICAL_SECTION &lock) : lock_(lock) { EnterCriticalSection(&lock_); }
        ~Locked() { LeaveCriticalSection(&lock_); }
        Locked(const Locked &) = delete;
        Locked &operator=(const Locked &) = delete;

    private:
        CRITICAL_SECTION &lock_;
    };

    void forget(Clock::time_point now)
    {
        for (auto one = seen_.begin(); one != seen_.end();)
            one = now - one->second.since >= window ? seen_.erase(one) : std::next(one);
        if (seen_.size() >= most_clients)
            seen_.clear();
    }

    const unsigned long limit_;
    std::unordered_map<std::string, Seen> seen_;
    CRITICAL_SECTION lock_;
};

std::unique_ptr<RateLimiter> limiter;

/* The border to C: what is thrown inside becomes a Win32 error. */
template <typename Work> DWORD guarded(Work work) noexcept
{
    try {
        work();
        return ERROR_SUCCESS;
    } catch (const std::bad_alloc &) {
        return ERROR_NOT_ENOUGH_MEMORY;
    } catch (const std::logic_error &) { // What std::stoul throws is one.
        return ERROR_INVALID_PARAMETER;
    } catch (...) {
        return ERROR_INTERNAL_ERROR;
    }
}

DWORD CALLBACK new_packet(LPBYTE *packet, DWORD *size, DWORD, LPVOID, LPVOID *, LPBOOL process)
{
    return guarded([=] {
        constexpr std::size_t hlen = 2, chaddr = 28, smallest = 236;
        const BYTE *const message = *packet;

        if (*size < smallest || message[hlen] > 16)
            return; // No message: the server will see for itself.
        const std::string client(reinterpret_cast<const char *>(message) + chaddr, message[hlen]);
        if (!limiter->allows(client, Clock::now()))
            *process = FALSE;
    });
}

} // namespace

extern "C" __declspec(dllexport) DWORD CALLBACK DhcpServerCalloutEntry(LPWSTR, DWORD version, LPDHCP_CALLOUT_TABLE table)
{
    if (version != 0)
        return ERROR_NOT_SUPPORTED;
    return guarded([=] {
        const char *const limit = std::getenv("RATE_LIMIT");

        limiter.reset(new RateLimiter(limit != nullptr ? std::stoul(limit) : 60));
        table->DhcpNewPktHook = new_packet;
    });
}
