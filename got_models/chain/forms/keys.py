"""The names that models and nodes give to boxes, labels and colors in JSON, tables and markup. The first one counts."""

from .loose_json import AGAIN


def _keys(text: str) -> tuple[str, ...]:
    return tuple(text.split())


BOX = _keys(
    "bbox_2d box_2d tgt_bbox src_bbox bbox bbox_xyxy bounding_box boundingbox box bndbox bboxes boxes rect region "
    "coordinates coords coordinate position location area xyxy bbox_list 坐标 边界框 方框 位置"
)
LABEL = _keys(
    "label desc description name class class_name caption phrase object category hint text entity element item title "
    "content prompt tag 标签 名称 物体 对象 描述 类别 type id"
)
COLOR = _keys("color_palette palette color_specs color colour html_web_color_name colors hex 颜色")
LABEL_LISTS = _keys(
    "labels bboxes_labels text_labels region_captions region_caption_list captions phrases names classes class_names"
)
BOX_LISTS = _keys("bboxes boxes quad_boxes bbox_list region_bboxes_list region_bboxes bounding_boxes bbox")
LEAD = _keys(
    "high_level_description caption global_caption summary description global_description scene "
    "scene_description overview"
)
WRAPPERS = _keys(
    "plan shapes rows objects object detections regions layout items results result predictions annotations elements"
    "data output answer "
    "response layers components entities bounding_boxes boundingboxes metadata attributes"
)
CORNERS = _keys("top_left topleft bottom_right bottomright")
POINTS = _keys("point_2d point points keypoints")
SIDES = _keys(
    "xmin ymin xmax ymax x_min y_min x_max y_max x0 y0 x1 y1 x2 y2 x y w h width height left top right bottom cx cy"
)
COLUMNS = _keys("label name object description desc phrase item element what caption class category region thing text")
ATTRIBUTES = _keys("label aria-label data-label name alt title desc description phrase id class")
BOX_TAGS = _keys("box bbox bndbox bounding_box boundingbox coordinates position coords")


def plain(key: str) -> str:
    """A key as it is listed here: "Bounding Box" is bounding_box."""
    return key.partition(AGAIN)[0].strip().lower().replace("-", "_").replace(" ", "_")
