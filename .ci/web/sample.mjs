// The first images of each class of the embedded ones, as a pair of files of their own: sample.mjs EMBEDDED FOLDER
import { readFileSync, writeFileSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";

const [embedded, folder] = process.argv.slice(2);
const PER_CLASS = 1000;
// Of the format IDX: the magic number and the sizes.
const [IMAGES_HEAD, LABELS_HEAD] = [16, 8];

const images = gunzipSync(readFileSync(`${embedded}/images-idx3-ubyte.gz`));
const labels = gunzipSync(readFileSync(`${embedded}/labels-idx1-ubyte.gz`));
const size = images.readUInt32BE(8) * images.readUInt32BE(12);

const taken = new Map();
const chosen = [];
labels.subarray(LABELS_HEAD).forEach((label, place) => {
  const count = taken.get(label) ?? 0;
  if (count < PER_CLASS) {
    taken.set(label, count + 1);
    chosen.push(place);
  }
});

function write(name, head, parts) {
  head.writeUInt32BE(chosen.length, 4);
  writeFileSync(`${folder}/${name}`, gzipSync(Buffer.concat([head, ...parts]), { level: 9 }));
}
write(
  "fashion-mnist-images.gz",
  Buffer.from(images.subarray(0, IMAGES_HEAD)),
  chosen.map((place) => images.subarray(IMAGES_HEAD + place * size, IMAGES_HEAD + (place + 1) * size)),
);
write(
  "fashion-mnist-labels.gz",
  Buffer.from(labels.subarray(0, LABELS_HEAD)),
  chosen.map((place) => labels.subarray(LABELS_HEAD + place, LABELS_HEAD + place + 1)),
);
