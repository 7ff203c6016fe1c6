// A Node server that writes to every socket as fast as that drains, and ends each after a while: flood and churn.
const net = require('net');
const server = net.createServer((socket) => {
  socket.on('error', () => {});
  socket.resume();
  const more = () => {
    while (socket.writable && socket.write(Buffer.alloc(1 + Math.floor(Math.random() * 200000))));
  };
  socket.on('drain', more);
  more();
  setTimeout(() => (Math.random() < 0.5 ? socket.destroy() : socket.end()), 50 + Math.random() * 1000);
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
