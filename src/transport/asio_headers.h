// The only place, but for tcp.h, that includes Asio. Private to this folder: no header that other
// folders include may include this one.
#pragma once

#ifndef ASIO_STANDALONE
#define ASIO_STANDALONE 1
#endif

// The thread sanitizer does not know fences. Asio's are for handlers that hand memory over without
// a lock, and each of ours goes through the loop's locked queue.
#if defined(__SANITIZE_THREAD__)
#define ASIO_DISABLE_FENCED_BLOCK 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ASIO_DISABLE_FENCED_BLOCK 1
#endif
#endif

#include <asio/buffer.hpp>
#include <asio/error.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/address.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/ip/v6_only.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/write.hpp>

#include "transport/tcp.h"
