//go:build !linux

package providers

import (
	"net"
	"time"
)

// dropAfter does nothing where the kernel can't be asked for it.
func dropAfter(net.Conn, time.Duration) {}
