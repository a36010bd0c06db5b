package people

// HoldHashing keeps a service from hashing passwords until the returned function is called.
func HoldHashing(s *Service) (goOn func()) {
	for range hashings {
		s.hashing.turns <- struct{}{}
	}
	return func() {
		for range hashings {
			<-s.hashing.turns
		}
	}
}
