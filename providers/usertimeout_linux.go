package providers

import (
	"net"
	"syscall"
	"time"
)

// tcpUserTimeout is TCP_USER_TIMEOUT, which package syscall has no name for.
const tcpUserTimeout = 0x12

// dropAfter has the kernel drop what it could not deliver by then, also when
// this process is stopped or dead: bytes that were written may otherwise wait
// minutes in its buffer for a network that comes back. An error leaves things as
// they were; closing the connection in time covers the common case.
func dropAfter(conn net.Conn, d time.Duration) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	ms := int(max(d.Milliseconds(), 1))
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, ms)
	})
}
