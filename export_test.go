package sfere

// MemoryStore is the store of a Conns that was given none.
func MemoryStore() Store { return &memory{} }
