package kernel

func rotateGeneric(x, turns []float32, heads, headDim int) {
	rotateFrom(0, x, turns, heads, headDim)
}

func rotateHalvesGeneric(x, turns []float32, heads, headDim int) {
	rotateHalvesFrom(0, x, turns, heads, headDim)
}

// rotateFrom turns the pairs from a given one on.
func rotateFrom(pair int, x, turns []float32, heads, headDim int) {
	for h := range heads {
		head := x[h*headDim:][:headDim]
		for i := 2 * pair; i < len(turns); i += 2 {
			head[i], head[i+1] = turn(head[i], head[i+1], turns[i], turns[i+1])
		}
	}
}

// rotateHalvesFrom turns the pairs from a given one on.
func rotateHalvesFrom(pair int, x, turns []float32, heads, headDim int) {
	half := len(turns) / 2
	for h := range heads {
		head := x[h*headDim:][:headDim]
		for i := pair; i < half; i++ {
			head[i], head[i+half] = turn(head[i], head[i+half], turns[2*i], turns[2*i+1])
		}
	}
}

func turn(a, b, cos, sin float32) (float32, float32) {
	return a*cos - b*sin, a*sin + b*cos
}
