package inmem

// Lose forgets the epochs of all partitions and keeps the links.
func (s *State) Lose() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.epochs)
}
