/* A program on libuv that brings its streams into states which otherwise last for microseconds, says what they are, and
 * sits still. With --offsets it says where uv.h has everything, and ends. */
#include <arpa/inet.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#define AT(type, field) printf("\"%s.%s\": %zu, ", #type, #field, offsetof(type, field))

typedef struct { unsigned int size, offset; int fds[]; } queued_fds_t; /* unix/internal.h */

static void offsets(void) {
  printf("{");
  AT(uv_loop_t, active_handles); AT(uv_loop_t, handle_queue); AT(uv_loop_t, active_reqs);
  AT(uv_loop_t, internal_fields); AT(uv_loop_t, stop_flag); AT(uv_loop_t, flags); AT(uv_loop_t, backend_fd);
  AT(uv_loop_t, pending_queue); AT(uv_loop_t, watcher_queue); AT(uv_loop_t, watchers); AT(uv_loop_t, nwatchers);
  AT(uv_loop_t, nfds); AT(uv_loop_t, wq_async); AT(uv_loop_t, closing_handles);
  AT(uv_stream_t, loop); AT(uv_stream_t, type); AT(uv_stream_t, handle_queue); AT(uv_stream_t, next_closing);
  AT(uv_stream_t, flags); AT(uv_stream_t, write_queue_size); AT(uv_stream_t, alloc_cb); AT(uv_stream_t, read_cb);
  AT(uv_stream_t, connect_req); AT(uv_stream_t, shutdown_req); AT(uv_stream_t, io_watcher);
  AT(uv_stream_t, io_watcher.pending_queue); AT(uv_stream_t, io_watcher.watcher_queue);
  AT(uv_stream_t, io_watcher.pevents); AT(uv_stream_t, io_watcher.events); AT(uv_stream_t, io_watcher.fd);
  AT(uv_stream_t, write_queue); AT(uv_stream_t, write_completed_queue); AT(uv_stream_t, connection_cb);
  AT(uv_stream_t, delayed_error); AT(uv_stream_t, accepted_fd); AT(uv_stream_t, queued_fds); AT(uv_pipe_t, ipc);
  AT(uv_write_t, type); AT(uv_write_t, send_handle); AT(uv_write_t, handle); AT(uv_write_t, queue);
  AT(uv_write_t, write_index); AT(uv_write_t, bufs); AT(uv_write_t, nbufs); AT(uv_write_t, error);
  AT(uv_write_t, bufsml);
  printf("\"uv_loop_t\": %zu, \"uv_tcp_t\": %zu, \"uv_write_t\": %zu}\n", sizeof(uv_loop_t), sizeof(uv_tcp_t),
         sizeof(uv_write_t));
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf) {
  static char room[65536];
  *buf = uv_buf_init(room, sizeof room);
}
static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf) {}
static void on_connection(uv_stream_t *server, int status) {}
static void on_write(uv_write_t *request, int status) {}
static void on_shutdown(uv_shutdown_t *request, int status) {}
static void on_connect(uv_connect_t *request, int status) {}

static void say(const char *name, void *place) {
  uv_stream_t *s = place;
  queued_fds_t *queued = s->queued_fds;
  printf("\"%s\": {\"at\": %lu, \"flags\": %u, \"fd\": %d, \"write_queue_size\": %zu, \"connect_req\": %lu, "
         "\"shutdown_req\": %lu, \"delayed_error\": %d, \"accepted_fd\": %d, \"pevents\": %u, \"events\": %u, "
         "\"room\": %u, \"queued\": [", name, (unsigned long) s, s->flags, s->io_watcher.fd, s->write_queue_size,
         (unsigned long) s->connect_req, (unsigned long) s->shutdown_req, s->delayed_error, s->accepted_fd,
         s->io_watcher.pevents, s->io_watcher.events, queued ? queued->size : 0);
  for (unsigned int i = 0; queued && i < queued->offset; i++) printf("%s%d", i ? ", " : "", queued->fds[i]);
  printf("]}, ");
}

static uv_buf_t much(void) { return uv_buf_init(calloc(1, 4 << 20), 4 << 20); }

static void send_descriptors(int fd, int count) {
  char byte = 'x', control[CMSG_SPACE(sizeof(int) * 8)];
  struct iovec piece = {&byte, 1};
  struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control};
  message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
  struct cmsghdr *head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sizeof(int) * count);
  for (int i = 0; i < count; i++) ((int *) CMSG_DATA(head))[i] = 1;
  if (sendmsg(fd, &message, 0) != 1) abort();
}

int main(int argc, char **argv) {
  if (argc > 1 && !strcmp(argv[1], "--offsets")) return offsets(), 0;
  uv_loop_t *loop = uv_default_loop();
  struct sockaddr_in address;
  int length = sizeof address, pair[2];
  uv_ip4_addr("127.0.0.1", 0, &address);

  uv_tcp_t server; /* holds a connection that nobody accepts */
  uv_tcp_init(loop, &server);
  uv_tcp_bind(&server, (struct sockaddr *) &address, 0);
  uv_listen((uv_stream_t *) &server, 8, on_connection);
  uv_tcp_getsockname(&server, (struct sockaddr *) &address, &length);

  uv_tcp_t late; /* has an error that listen will be told */
  uv_tcp_init(loop, &late);
  uv_tcp_bind(&late, (struct sockaddr *) &address, 0);

  uv_tcp_t client; /* connects; and then its connect request is kept while the loop does not turn */
  uv_connect_t connecting, again;
  uv_tcp_init(loop, &client);
  uv_tcp_connect(&connecting, &client, (struct sockaddr *) &address, on_connect);

  uv_pipe_t ipc; /* was sent five descriptors in one message */
  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  uv_pipe_init(loop, &ipc, 1);
  uv_pipe_open(&ipc, pair[0]);
  uv_read_start((uv_stream_t *) &ipc, on_alloc, on_read);
  send_descriptors(pair[1], 5);

  uv_pipe_t full; /* a handle waits behind a write that nobody takes, and the end behind both */
  uv_write_t first, second;
  uv_shutdown_t end;
  uv_buf_t bytes = much(), byte = uv_buf_init("y", 1);
  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  uv_pipe_init(loop, &full, 1);
  uv_pipe_open(&full, pair[0]);
  uv_write(&first, (uv_stream_t *) &full, &bytes, 1, on_write);
  uv_write2(&second, (uv_stream_t *) &full, &byte, 1, (uv_stream_t *) &server, on_write);
  uv_shutdown(&end, (uv_stream_t *) &full, on_shutdown);

  for (int i = 0; i < 20; i++) uv_run(loop, UV_RUN_NOWAIT);
  uv_tcp_t other;
  uv_tcp_init(loop, &other);
  uv_tcp_connect(&again, &other, (struct sockaddr *) &address, on_connect);

  printf("{\"loop\": %lu, \"active_handles\": %u, \"active_reqs\": %u, \"nfds\": %u, \"version\": %u, ",
         (unsigned long) loop, loop->active_handles, loop->active_reqs.count, loop->nfds, uv_version());
  printf("\"requests\": [[%lu, 0], [%lu, %lu]], ", (unsigned long) &first, (unsigned long) &second,
         (unsigned long) &server);
  say("server", &server); say("late", &late); say("client", &client); say("ipc", &ipc); say("full", &full);
  say("other", &other);
  printf("\"over\": false}\n");
  fflush(stdout);
  return getchar() == EOF;
}
