// Package sealed keeps credentials encrypted: [Store] is a crmsync.CredentialStore over any
// crmsync.SealedStore, [Ring] the keys it seals with, [File] a sealed store in a JSON file.
//
// What it needs: a key file that only the program can read, or another [Keeper], such as a key
// management service. What it guarantees: at rest a secret lies only in boxes of AES-256-GCM; a
// box opens only under the org and name it was sealed for; what can't be opened is refused with a
// fault of kind Denied, and no error, printed form or file holds a secret or a key.
//
// It doesn't own who may read a credential, or when a provider's token is renewed.
package sealed
