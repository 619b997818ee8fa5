// Package insid3 finds objects without training: in the features of a frozen encoder (DINOv3), from
// pictures in which the object is marked. It follows INSID3 (Cuttano et al., CVPR 2026, "Training-Free
// In-Context Segmentation with DINOv3"), whose program is visinf/INSID3 (Apache-2.0), number by number.
//
// Of every picture, resized to S×S (S = 1024, the aspect is not kept), the encoder's last layer gives
// n = h·w features of C channels, one for each patch; F are these with length 1.
//
//	debias      F' = normalize((I − U·Uᵀ)·F): without the part that tells the place of a patch. U [C,r]
//	            are the first r left singular vectors of the centered F of a black picture
//	prototype   p = normalize(mean over the supports of the mean of F' over the patches of the object);
//	            a patch is the object where the mask, resized bilinearly, is above 1/2. If none is, it
//	            is resized to the nearest; if none is then, the centroid's patch is the object
//	candidates  patches of the query with F'·p > 0 (if none is: above the 0.9 quantile) whose most
//	            similar patch of F' is the object in at least ⌈K/2⌉ of K supports
//	clusters    of F of the query, by average linkage on 1 − cos, cut at 1 − τ, τ = 0.6
//	seed        the cluster with candidates whose mean of F', normalized, is most similar to p
//	score       s_k = mean of F'·p in cluster k · cos of the means of F in seed and k · the share of
//	            candidates in k, which counts as 1 for the seed
//	mask        the patches of clusters with s_k > 0.2, resized bilinearly to S×S, cut at 1/2, resized
//	            to the picture, cut at 1/2
//
// Where it differs from the program:
//
//   - A support whose mask is empty takes no part. The program fails.
//   - A mask has three values here; what is ignored (255) is not the object.
//   - The encoder is always as in evaluation. The program makes U with an encoder in PyTorch's training
//     mode, in which DINOv3 draws a scale for the coordinates of its rotary embedding.
//   - Averages are summed in float64. Clusters are numbered by their first patch, which matters only
//     where two could be the seed with the same similarity.
//   - There is no CRF at the outlines, which the program has as an option.
package insid3
