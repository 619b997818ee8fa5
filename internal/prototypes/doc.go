// Package prototypes finds objects without training: the patches of a query that are more like the
// prototypes of the object than like those of its surroundings. It follows FSSDINO (Zakir and Ho, 2026,
// "Revealing the Semantic Selection Gap in DINOv3 through Training-Free Few-Shot Segmentation"), whose
// program is hussni0997/fssdino.
//
// Of every picture, resized to S×S (S = 512, the aspect is not kept), the encoder's last layer gives
// n = h·w features of C channels, one for each patch. Of the object, and likewise of the background, with
// the features x_1 … x_m of its patches in all supports together:
//
//	prototypes  c_1 … c_k: means of x over the clusters of k-means by cos, k = 5; x themselves where
//	            m < k
//	maps        cos(q, c_j) of every patch q of the query, [k,h,w]; and one of the Gram matrix
//	            G = mean of x̂·x̂ᵀ, x̂ = x/|x|: qᵀ·G·q, brought to [0, 1] by its least and its largest
//	            value (plus 1e-8)
//	score       the k+1 maps, resized bilinearly to S×S: the largest times the mean
//
// A pixel is the object where the object's score is above that of the background.
//
// Where it differs from the program:
//
//   - k-means begins with k-means++, drawn by a seed, and ends when no patch changes its cluster, after 100
//     rounds at most; the best of 4 beginnings is kept. The program begins once, with patches drawn by the
//     generator's state, so that an episode's mask depends on those before, and ends when the centers
//     hardly move.
//   - Pictures are resized to a square, as those of data sets without COCO's format are there; which
//     patches show the object is as in package foundation. Patches of neither, in a mask's ignored pixels,
//     are left out.
//   - A support whose mask is empty takes no part.
//   - The mask of S×S pixels is resized to the picture bilinearly and cut at 1/2, and not to the nearest.
package prototypes
