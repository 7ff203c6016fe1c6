// A Node server with sockets in many states. Told on its stdin how many clients there are, it waits until each has its
// role, prints what it sees of each of its handles, by descriptor, and then sits still until it is killed.
const fs = require('fs');
const net = require('net');
const sockets = [];
let begun = 0;
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
  socket.once('data', (role) => { roles[Number(role) % roles.length](socket); begun += 1; });
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })));
function view() {
  const seen = sockets.filter((socket) => socket._handle).map((socket) => ({
    fd: socket._handle.fd,
    writeQueueSize: socket._handle.writeQueueSize,
    reading: socket._handle.reading,
    writableLength: socket.writableLength,
    writableFinished: socket.writableFinished,
    remotePort: socket.remotePort,
  }));
  fs.writeSync(1, JSON.stringify({ listener: server._handle.fd, seen }) + '\n');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}
process.stdin.once('data', (clients) => {
  const waiting = setInterval(() => {
    if (begun < Number(clients)) return;
    clearInterval(waiting);
    setTimeout(view, 300); // what they have begun takes its course
  }, 20);
});
