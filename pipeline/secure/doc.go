// Package secure protects the connections to the servers that crmsync runs on: it reads what TLS
// needs from files, says in a person's words why a handshake failed, and knows which addresses never
// leave this machine.
//
// It opens no connection and holds no password. The way to the CRMs is not its business: the
// providers have a transport of their own.
package secure
