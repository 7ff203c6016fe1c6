// A server in the main thread and one in each of two workers, with loops of their own; one client each reads nothing.
const net = require('net');
const { Worker, isMainThread, parentPort } = require('worker_threads');
const ports = [];
function serve(told) {
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.write(Buffer.alloc(4 << 20));
  });
  server.listen(0, '127.0.0.1', () => told(server.address().port));
}
function told(port) {
  if (ports.push(port) === 3) console.log(JSON.stringify(ports));
}
if (isMainThread) {
  serve(told);
  for (let i = 0; i < 2; i++) new Worker(__filename).on('message', told);
} else {
  serve((port) => parentPort.postMessage(port));
}
