// What the picture of a Node server is recorded from: rows are written to everybody who asks for them, fast reader or not.
const http = require('http');

const readers = new Set();
const server = http.createServer((request, response) => {
  readers.add(response);
  response.on('close', () => readers.delete(response));
});
setInterval(() => {
  for (const response of readers) response.write(Buffer.alloc(24 * 1024, 'row\n'));
}, 20);
server.listen(Number(process.argv[2] || 0), '127.0.0.1', () => console.log(server.address().port));
