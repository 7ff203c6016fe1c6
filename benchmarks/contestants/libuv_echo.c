/* The echo server on the real libuv, as its own documentation teaches it: one buffer a read, one request a write.

   libuv_echo tcp | PATH: prints "PID ADDRESS", serves, and ends when standard input does. */

#include <arpa/inet.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

typedef struct {
  uv_write_t request;
  uv_buf_t buf;
} write_t;

static int is_tcp;

static void on_alloc(uv_handle_t* handle, size_t suggested_size, uv_buf_t* buf) {
  (void) handle;
  *buf = uv_buf_init(malloc(suggested_size), suggested_size);
}

static void on_closed(uv_handle_t* handle) {
  free(handle);
}

static void on_written(uv_write_t* request, int status) {
  write_t* write = (write_t*) request;
  (void) status;
  free(write->buf.base);
  free(write);
}

static void on_read(uv_stream_t* stream, ssize_t nread, const uv_buf_t* buf) {
  write_t* write;
  if (nread > 0) {
    write = malloc(sizeof *write);
    write->buf = uv_buf_init(buf->base, nread);
    uv_write(&write->request, stream, &write->buf, 1, on_written);
    return;
  }
  free(buf->base);
  if (nread < 0)
    uv_close((uv_handle_t*) stream, on_closed);
}

static void on_connection(uv_stream_t* server, int status) {
  uv_stream_t* client;
  if (status < 0)
    return;
  client = malloc(is_tcp ? sizeof(uv_tcp_t) : sizeof(uv_pipe_t));
  if (is_tcp)
    uv_tcp_init(server->loop, (uv_tcp_t*) client);
  else
    uv_pipe_init(server->loop, (uv_pipe_t*) client, 0);
  if (uv_accept(server, client) == 0)
    uv_read_start(client, on_alloc, on_read);
  else
    uv_close((uv_handle_t*) client, on_closed);
}

static void on_end(uv_stream_t* input, ssize_t nread, const uv_buf_t* buf) {
  free(buf->base);
  if (nread < 0)
    uv_stop(input->loop);
}

int main(int argc, char** argv) {
  uv_loop_t* loop = uv_default_loop();
  struct sockaddr_in address;
  int length = sizeof address;
  uv_tcp_t tcp;
  uv_pipe_t local;
  uv_pipe_t input;

  if (argc != 2)
    return 2;
  mallopt(M_TRIM_THRESHOLD, 64 << 20); /* or glibc gives every large buffer back to the kernel, and faults it in anew */
  is_tcp = strcmp(argv[1], "tcp") == 0;
  if (is_tcp) {
    uv_ip4_addr("127.0.0.1", 0, &address);
    uv_tcp_init(loop, &tcp);
    uv_tcp_bind(&tcp, (struct sockaddr*) &address, 0);
    if (uv_listen((uv_stream_t*) &tcp, 2048, on_connection) != 0)
      return 1;
    uv_tcp_getsockname(&tcp, (struct sockaddr*) &address, &length);
    printf("%d 127.0.0.1:%d\n", (int) getpid(), ntohs(address.sin_port));
  } else {
    uv_pipe_init(loop, &local, 0);
    uv_pipe_bind(&local, argv[1]);
    if (uv_listen((uv_stream_t*) &local, 2048, on_connection) != 0)
      return 1;
    printf("%d %s\n", (int) getpid(), argv[1]);
  }
  fflush(stdout);

  uv_pipe_init(loop, &input, 0);
  uv_pipe_open(&input, 0);
  uv_read_start((uv_stream_t*) &input, on_alloc, on_end);
  return uv_run(loop, UV_RUN_DEFAULT);
}
