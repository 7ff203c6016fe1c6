// A server on a Unix socket and one on TCP, each with a client in the same program that never reads; and a child that
// does not read its stdin. It says when all of it has come about.
const net = require('net'), path = require('path');
const folder = process.argv[2];
let left = 2;
function serve(where, connect) {
  net.createServer((socket) => {
    socket.on('error', () => {});
    socket.write(Buffer.alloc(8 << 20));
    if (--left === 0) console.log(JSON.stringify({ folder }));
  }).listen(where, function () {
    const client = net.connect(connect(this));
    client.pause();
    client.on('error', () => {});
  });
}
serve(path.join(folder, 'sock'), () => path.join(folder, 'sock'));
serve({ port: 0, host: '127.0.0.1' }, (server) => server.address().port);
const child = require('child_process').spawn('sleep', ['1000'], { stdio: ['pipe', 'ignore', 'ignore'] });
child.stdin.on('error', () => {});
child.stdin.write(Buffer.alloc(1 << 20));
