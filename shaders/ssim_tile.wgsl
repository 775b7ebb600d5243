// What the kernels for planes of any size share: the tiles that planes are divided into.

const TILE_HEIGHT: u32 = {{ tile_height }}u;
const TILE_WIDTH: u32 = {{ tile_width }}u;
// What windows see beyond the image: 0 nothing, since they lie inside it, 1 zeros, 2 its mirror image.
const BORDER: u32 = {{ border }}u;

// Height and width of what a tile depends on: the pixels that its windows reach, or the windows that
// reach its pixels.
const HEIGHT: u32 = TILE_HEIGHT + SIZE - 1u;
const WIDTH: u32 = TILE_WIDTH + SIZE - 1u;

// Tasks of each pass: rows or columns, by groups of STRIP outputs.
const COLUMN_GROUPS: u32 = TILE_WIDTH / STRIP;
const ROW_GROUPS: u32 = TILE_HEIGHT / STRIP;

struct Tile {
    // Its number within the plane, and how many tiles the plane has.
    index: u32,
    count: u32,
    plane: u32,
    // Its first row and column.
    top: u32,
    left: u32,
}

// The tile of a workgroup, where tiles cover planes of this height and width.
fn tile_of(workgroup: vec3<u32>, height: u32, width: u32) -> Tile {
    let columns = (width + TILE_WIDTH - 1u) / TILE_WIDTH;
    let count = columns * ((height + TILE_HEIGHT - 1u) / TILE_HEIGHT);
    // The last row of the dispatch may reach beyond the batch: the last tile is computed again.
    let number = min(workgroup.y * batch.columns + workgroup.x, batch.planes * count - 1u);
    let index = number % count;
    return Tile(
        index,
        count,
        batch.first + number / count,
        TILE_HEIGHT * (index / columns),
        TILE_WIDTH * (index % columns),
    );
}

// The number of windows along an axis of `side` pixels.
fn map_side(side: u32) -> u32 {
    if BORDER == 0u {
        return side - (SIZE - 1u);
    }
    return side;
}
