// A Node server that answers every connection with more than a slow reader takes, and says its port.
const net = require('net');
const server = net.createServer((socket) => {
  socket.on('error', () => {});
  socket.write(Buffer.alloc(8 << 20));
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
