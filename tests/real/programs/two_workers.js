// A cluster: the first process listens and hands its connections to two workers, which answer with more than is read.
const cluster = require('cluster');
const net = require('net');
if (cluster.isMaster) {
  const free = net.createServer().listen(0, '127.0.0.1', () => {
    const { port } = free.address();
    let ready = 0;
    cluster.on('listening', () => ++ready === 2 && console.log(port));
    free.close(() => [1, 2].forEach(() => cluster.fork({ PORT: port })));
  });
} else {
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.write(Buffer.alloc(8 << 20));
  });
  server.listen(Number(process.env.PORT), '127.0.0.1');
}
