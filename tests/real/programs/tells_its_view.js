// A Node server with sockets in many states. For every line on its stdin it prints what it sees of each of its
// handles, by descriptor, and then sits still until a byte is written into the file that it is given.
const fs = require('fs');
const net = require('net');
const sockets = [];
const roles = [
  (socket) => socket.write(Buffer.alloc(6 << 20)), // more than the kernel takes
  (socket) => { socket.resume(); },
  (socket) => { socket.on('data', () => {}); socket.pause(); },
  (socket) => { socket.resume(); socket.end('the end'); }, // half closed
  (socket) => { socket.resume(); socket.write(Buffer.alloc(6 << 20)); socket.end(); }, // a shutdown behind a write
  (socket) => { socket.cork(); for (let i = 0; i < 40; i++) socket.write(Buffer.alloc(1 << 18)); socket.uncork(); },
];
const server = net.createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => {});
  sockets.push(socket);
  socket.once('data', (role) => roles[Number(role) % roles.length](socket));
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })));
process.stdin.once('data', () => setTimeout(() => {
  const seen = sockets.filter((socket) => socket._handle).map((socket) => ({
    fd: socket._handle.fd,
    writeQueueSize: socket._handle.writeQueueSize,
    reading: socket._handle.reading,
    writableLength: socket.writableLength,
    writableFinished: socket.writableFinished,
    remotePort: socket.remotePort,
  }));
  fs.writeSync(1, JSON.stringify({ listener: server._handle.fd, seen }) + '\n');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(process.argv[2] || 1500));
  fs.writeSync(1, '{"over": true}\n');
}, 300));
