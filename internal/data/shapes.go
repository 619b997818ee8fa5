package data

// silhouette is an outline of shapes5i. Each lies inside the unit disc and
// covers roughly half of it, so all objects of one radius are of similar size.
type silhouette int

const (
	disc silhouette = iota
	triangle
	square
	ring
	cross
	silhouettes // how many there are
)

var silhouetteNames = [silhouettes]string{"disc", "triangle", "square", "ring", "cross"}

// shapeClass says what class id 1..20 of shapes5i looks like. Silhouette s of
// fold f has texture (s+f) mod 4: a Latin square, so every fold shows each
// silhouette once and all four textures, and each of the 20 pairs is one class.
func shapeClass(class int) (silhouetteName, textureName string) {
	s, t := shapeOf(class)
	return silhouetteNames[s], textureNames[t]
}

func shapeOf(class int) (silhouette, texture) {
	fold, s := (class-1)/int(silhouettes), (class-1)%int(silhouettes)
	return silhouette(s), texture((s + fold) % int(textures))
}

var shapeClasses = func() []string {
	names := []string{"background"}
	for c := 1; c <= int(silhouettes)*int(textures); c++ {
		s, t := shapeClass(c)
		names = append(names, t+" "+s)
	}
	return names
}()

// distance is how far (x,y) lies outside the outline, negative inside. The unit
// is the object's radius. Near the outline it is the true distance, except at
// corners, where it is a little short; that is enough for a smooth edge.
func (s silhouette) distance(x, y float32) float32 {
	switch s {
	case disc:
		return sqrt32(x*x+y*y) - 0.82
	case triangle:
		// Three half planes with normals at 90°, 210° and 330°, the corners on the unit circle.
		return max32(y, 0.8660254*abs32(x)-0.5*y) - 0.52
	case square:
		return max32(abs32(x), abs32(y)) - 0.70
	case ring:
		return abs32(sqrt32(x*x+y*y)-0.70) - 0.27
	case cross:
		ax, ay := abs32(x), abs32(y)
		return min32(max32(ax-0.92, ay-0.33), max32(ax-0.33, ay-0.92))
	}
	panic("data: unknown silhouette")
}
